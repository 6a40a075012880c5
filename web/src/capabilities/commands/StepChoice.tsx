import SegmentedControl from "@cloudscape-design/components/segmented-control";
import Select from "@cloudscape-design/components/select";
import { STATES, stateName } from "@/components/states";
import { useStateWord } from "@/components/useStateWord";
import type { InvocationStep } from "@/platform/types";
import { widthOf } from "./pane/shown";
import { statusIcon } from "./steps";
import { useCommandTexts } from "./texts";

/** What has no room stands below one another: side by side nobody would find one. Both in characters; a step has its icon and edges. */
const SIDE_BY_SIDE = 100;
const EDGES = 6;

interface Props {
  steps: readonly InvocationStep[];
  step: number;
  onChoose: (step: number) => void;
}

/** Whose output is shown, of the steps of a document. */
export function StepChoice({ steps, step, onChoose }: Props) {
  const t = useCommandTexts();
  const word = useStateWord();
  const options = steps.map(({ Name, StatusDetails }, at) => {
    const name = t("stepName", { number: at + 1, name: Name });
    const iconName = statusIcon(STATES[stateName(StatusDetails)]?.type ?? "info");
    return { id: String(at), iconName, text: t("stepState", { name, state: word(StatusDetails) }) };
  });
  const entries = options.map(({ id, text, iconName }) => ({ value: id, label: text, iconName }));
  const width = options.reduce((sum, { text }) => sum + widthOf(text) + EDGES, 0);
  return (
    <div className="step-choice">
      {width <= SIDE_BY_SIDE ? (
        <SegmentedControl label={t("step")} selectedId={String(step)} options={options} onChange={({ detail }) => onChoose(Number(detail.selectedId))} />
      ) : (
        <Select
          ariaLabel={t("step")}
          inlineLabelText={t("step")}
          expandToViewport
          triggerVariant="option"
          options={entries}
          selectedOption={entries[step] ?? null}
          onChange={({ detail }) => onChoose(Number(detail.selectedOption.value))}
        />
      )}
    </div>
  );
}
