import Multiselect from "@cloudscape-design/components/multiselect";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import { useCommonTexts } from "@/components/texts";
import { useCommandTexts } from "../texts";
import { useFoundNodes } from "../useFoundNodes";
import { CHOICES, type Choice, FOLLOWED_MOST } from "./roster";

const TEXTS = { all: "paneAll", running: "paneRunning", failed: "paneFailed", chosen: "paneChosen" } as const satisfies Record<Choice, string>;

interface Props {
  choice: Choice;
  chosen: readonly string[];
  nameOf: (nodeId: string) => string;
  onChange: (choice: Choice, chosen: readonly string[]) => void;
}

/** Which nodes take part. */
export function PaneWho({ choice, chosen, nameOf, onChange }: Props) {
  const t = useCommandTexts();
  return (
    <div className="pane-who">
      <SegmentedControl
        label={t("paneWho")}
        selectedId={choice}
        options={CHOICES.map((id) => ({ id, text: t(TEXTS[id]) }))}
        onChange={({ detail }) => onChange(CHOICES.find((id) => id === detail.selectedId) ?? "all", [])}
      />
      {choice === "chosen" && <Chosen chosen={chosen} nameOf={nameOf} onChange={(ids) => onChange("chosen", ids)} />}
    </div>
  );
}

function Chosen({ chosen, nameOf, onChange }: Pick<Props, "chosen" | "nameOf"> & { onChange: (ids: readonly string[]) => void }) {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const found = useFoundNodes();
  const isFull = chosen.length >= FOLLOWED_MOST;
  return (
    <div className="pane-nodes">
      <Multiselect
        {...found}
        ariaLabel={t("paneChosenLabel")}
        options={isFull ? found.options.filter(({ value }) => chosen.includes(value)) : found.options}
        selectedOptions={chosen.map((id) => ({ value: id, label: nameOf(id) }))}
        deselectAriaLabel={({ label }) => `${common("tagRemove")}: ${label}`}
        tokenLimit={6}
        keepOpen
        onChange={({ detail }) => onChange(detail.selectedOptions.flatMap(({ value }) => value ?? []).slice(0, FOLLOWED_MOST))}
      />
    </div>
  );
}
