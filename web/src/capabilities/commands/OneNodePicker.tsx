import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import { useCommonTexts } from "@/components/texts";
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
  const common = useCommonTexts();
  const { options, status, find } = useFoundNodes();
  return (
    <FormField label={t("node")} errorText={error} stretch>
      <Select
        selectedOption={node ? { value: node.id, label: node.name } : null}
        options={options}
        filteringType="manual"
        statusType={status}
        placeholder={t("nodesPlaceholder")}
        filteringPlaceholder={t("nodesPlaceholder")}
        filteringAriaLabel={t("nodesPlaceholder")}
        empty={t("nodesNone")}
        loadingText={common("loading")}
        errorText={common("loadFailed")}
        recoveryText={common("retry")}
        expandToViewport
        onLoadItems={({ detail }) => find(detail.filteringText)}
        onChange={({ detail: { selectedOption } }) => onChange({ id: selectedOption.value ?? "", name: selectedOption.label ?? "" })}
      />
    </FormField>
  );
}
