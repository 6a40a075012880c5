import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { Draft } from "./drafts";
import { useDocumentTexts } from "./texts";
import { TYPES } from "./tokens";

const FORMATS = ["YAML", "JSON", "TEXT"].map((value) => ({ value, label: value }));
const KINDS = TYPES.map((value) => ({ value, label: value }));

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  /** It was opened as one that does not exist. */
  isNew: boolean;
  /** It exists by now: name and type stay. */
  isStored: boolean;
}

/** What a document is besides its text. */
export function DraftFields({ draft, onChange, isNew, isStored }: Props) {
  const t = useDocumentTexts();
  return (
    <SpaceBetween size="l">
      {isNew && (
        <FormField label={t("name")} constraintText={t("nameHelp")}>
          <Input value={draft.name} readOnly={isStored} autoComplete={false} spellcheck={false} onChange={({ detail }) => onChange({ name: detail.value })} />
        </FormField>
      )}
      <ColumnLayout columns={isNew ? 3 : 2}>
        {isNew && (
          <FormField label={t("type")}>
            <Select
              options={KINDS}
              selectedOption={KINDS.find(({ value }) => value === draft.type) ?? null}
              readOnly={isStored}
              expandToViewport
              onChange={({ detail }) => onChange({ type: detail.selectedOption.value ?? "Command" })}
            />
          </FormField>
        )}
        <FormField label={t("writtenIn")}>
          <Select
            options={FORMATS}
            selectedOption={FORMATS.find(({ value }) => value === draft.format) ?? null}
            onChange={({ detail }) => onChange({ format: detail.selectedOption.value ?? "YAML" })}
          />
        </FormField>
        <FormField label={t("versionName")} constraintText={t("versionNameHelp")}>
          <Input value={draft.versionName} autoComplete={false} spellcheck={false} onChange={({ detail }) => onChange({ versionName: detail.value })} />
        </FormField>
      </ColumnLayout>
      {isStored && (
        <Checkbox checked={draft.isDefault} onChange={({ detail }) => onChange({ isDefault: detail.checked })}>
          {t("makeNewDefault")}
        </Checkbox>
      )}
    </SpaceBetween>
  );
}
