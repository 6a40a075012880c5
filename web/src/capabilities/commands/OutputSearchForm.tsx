import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import { type SubmitEvent, useState } from "react";
import type { Wanted } from "./outputSearch";
import { useCommandTexts } from "./texts";

interface Props {
  wanted: Wanted;
  onSearch: (wanted: Wanted) => void;
}

const TEXT_MOST = 1000;

/** What is looked for in the outputs. It is looked for when it is complete. */
export function OutputSearchForm({ wanted, onSearch }: Props) {
  const t = useCommandTexts();
  const [draft, setDraft] = useState(wanted);
  const change = (part: Partial<Wanted>) => setDraft((before) => ({ ...before, ...part }));
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    onSearch(draft);
  };
  return (
    <form className="output-search" role="search" aria-label={t("find")} onSubmit={send}>
      <div className="output-search-text">
        <FormField label={t("findText")} constraintText={t(draft.isRegex ? "findRegexHelp" : "findTextHelp")} stretch>
          <Input type="search" value={draft.text} autoComplete={false} spellcheck={false} onChange={({ detail }) => change({ text: detail.value.slice(0, TEXT_MOST) })} />
        </FormField>
        <div className="output-search-button">
          <Button variant="primary" iconName="search">
            {t("findStart")}
          </Button>
        </div>
      </div>
      <div className="output-tools">
        <SegmentedControl
          label={t("findIn")}
          selectedId={draft.stream ?? "both"}
          options={[
            { id: "both", text: t("findBoth") },
            { id: "stdout", text: t("stdout") },
            { id: "stderr", text: t("stderr") },
          ]}
          onChange={({ detail: { selectedId } }) => change({ stream: selectedId === "stdout" || selectedId === "stderr" ? selectedId : undefined })}
        />
        <Checkbox checked={draft.isRegex} onChange={({ detail }) => change({ isRegex: detail.checked })}>
          {t("findRegex")}
        </Checkbox>
        <Checkbox checked={draft.ignoresCase} onChange={({ detail }) => change({ ignoresCase: detail.checked })}>
          {t("findIgnoreCase")}
        </Checkbox>
        <Checkbox checked={draft.isWithout} onChange={({ detail }) => change({ isWithout: detail.checked })}>
          {t("findWithout")}
        </Checkbox>
      </div>
    </form>
  );
}
