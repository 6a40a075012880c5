import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import type { TagRow } from "./draft";
import { useCommandTexts } from "./texts";

/** Upstream's limit on target entries. */
const ROWS_MOST = 5;

interface Props {
  rows: readonly TagRow[];
  onChange: (rows: TagRow[]) => void;
  error: string | undefined;
}

export function TagTargets({ rows, onChange, error }: Props) {
  const t = useCommandTexts();
  const change = (index: number, part: Partial<TagRow>) => onChange(rows.map((row, at) => (at === index ? { ...row, ...part } : row)));
  return (
    <FormField label={t("tagsLabel")} description={t("tagsHelp")} errorText={error} stretch>
      <AttributeEditor
        items={rows}
        definition={[
          {
            label: t("tagKey"),
            control: (row, index) => (
              <Input value={row.key} ariaLabel={t("tagKey")} autoComplete={false} onChange={({ detail }) => change(index, { key: detail.value })} />
            ),
          },
          {
            label: t("tagValues"),
            control: (row, index) => (
              <Input value={row.values} ariaLabel={t("tagValues")} autoComplete={false} onChange={({ detail }) => change(index, { values: detail.value })} />
            ),
          },
        ]}
        addButtonText={t("tagAdd")}
        removeButtonText={t("tagRemove")}
        empty={t("tagNone")}
        disableAddButton={rows.length >= ROWS_MOST}
        onAddButtonClick={() => onChange([...rows, { key: "", values: "" }])}
        onRemoveButtonClick={({ detail }) => onChange(rows.filter((_, index) => index !== detail.itemIndex))}
      />
    </FormField>
  );
}
