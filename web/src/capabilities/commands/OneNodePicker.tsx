import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import { useCommandTexts } from "./texts";
import { useFoundNodes } from "./useFoundNodes";

export interface PickedNode {
  id: string;
  name: string;
}

interface Props {
  node: PickedNode | undefined;
  onChange: (node: PickedNode) => void;
  error: string | undefined;
}

/** Finds nodes by text on the hub and takes one. */
export function OneNodePicker({ node, onChange, error }: Props) {
  const t = useCommandTexts();
  const found = useFoundNodes();
  return (
    <FormField label={t("node")} errorText={error} stretch>
      <Select
        {...found}
        selectedOption={node ? { value: node.id, label: node.name } : null}
        onChange={({ detail: { selectedOption } }) => onChange({ id: selectedOption.value ?? "", name: selectedOption.label ?? "" })}
      />
    </FormField>
  );
}
