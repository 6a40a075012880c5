import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type Draft, documentName } from "./draft";
import { isLogGroup, usualLogGroup } from "./logGroup";
import { useCommandTexts } from "./texts";

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
}

/** Whether the output is shown among the logs, too, and under which name. */
export function LogGroupField({ draft, onChange }: Props) {
  const t = useCommandTexts();
  return (
    <SpaceBetween size="s">
      <Checkbox checked={draft.isLogged} description={t("loggedHelp")} onChange={({ detail }) => onChange({ isLogged: detail.checked })}>
        {t("logged")}
      </Checkbox>
      {draft.isLogged && (
        <FormField label={t("logGroup")} constraintText={t("logGroupHelp")} errorText={isLogGroup(draft.logGroup) ? undefined : t("logGroupError")}>
          <Input
            value={draft.logGroup}
            placeholder={usualLogGroup(documentName(draft))}
            autoComplete={false}
            spellcheck={false}
            onChange={({ detail }) => onChange({ logGroup: detail.value })}
          />
        </FormField>
      )}
    </SpaceBetween>
  );
}
