import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Input from "@cloudscape-design/components/input";
import type { Tag } from "@/platform/types";
import { tagError } from "./tagRules";
import { useCommonTexts } from "./texts";

const TAGS_MOST = 50;

interface Props {
  tags: readonly Tag[];
  onChange: (tags: Tag[]) => void;
}

/** Rows of key and value. */
export function TagsEditor({ tags, onChange }: Props) {
  const t = useCommonTexts();
  const change = (index: number, part: Partial<Tag>) => onChange(tags.map((tag, at) => (at === index ? { ...tag, ...part } : tag)));
  return (
    <AttributeEditor
      items={tags}
      definition={[
        {
          label: t("tagKey"),
          control: (tag, index) => (
            <Input value={tag.Key} ariaLabel={t("tagKey")} autoComplete={false} onChange={({ detail }) => change(index, { Key: detail.value })} />
          ),
          errorText: (_, index) => {
            const error = tagError(tags, index);
            return error && t(error);
          },
        },
        {
          label: t("tagValue"),
          control: (tag, index) => (
            <Input value={tag.Value} ariaLabel={t("tagValue")} autoComplete={false} onChange={({ detail }) => change(index, { Value: detail.value })} />
          ),
        },
      ]}
      addButtonText={t("tagAdd")}
      removeButtonText={t("tagRemove")}
      empty={t("tagEmpty")}
      disableAddButton={tags.length >= TAGS_MOST}
      onAddButtonClick={() => onChange([...tags, { Key: "", Value: "" }])}
      onRemoveButtonClick={({ detail }) => onChange(tags.filter((_, index) => index !== detail.itemIndex))}
    />
  );
}
