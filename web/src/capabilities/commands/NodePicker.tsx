import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useCommonTexts } from "@/components/texts";
import { useNodeNames } from "@/components/useNodeNames";
import { type Draft, NODES_MOST } from "./draft";
import { useCommandTexts } from "./texts";
import { useFoundNodes } from "./useFoundNodes";

interface Props {
  nodes: Draft["nodes"];
  onChange: (nodes: Draft["nodes"]) => void;
  error: string | undefined;
}

/** Finds nodes by text on the hub and collects those that are picked. */
export function NodePicker({ nodes, onChange, error }: Props) {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const found = useFoundNodes();
  // An address that chose them says only their ids.
  const nameOf = useNodeNames(nodes.filter(({ id, name }) => id === name).map(({ id }) => id));
  const isFull = nodes.length >= NODES_MOST;
  return (
    <FormField label={t("nodesLabel")} constraintText={isFull ? t("nodesMost") : undefined} errorText={error} stretch>
      <Multiselect
        {...found}
        selectedOptions={nodes.map(({ id, name }) => ({ value: id, label: id === name ? nameOf(id) : name }))}
        options={isFull ? found.options.filter(({ value }) => nodes.some(({ id }) => id === value)) : found.options}
        deselectAriaLabel={({ label }) => `${common("tagRemove")}: ${label}`}
        tokenLimit={12}
        keepOpen
        onChange={({ detail }) =>
          onChange(detail.selectedOptions.slice(0, NODES_MOST).map(({ value = "", label }) => ({ id: value, name: label ?? value })))
        }
      />
    </FormField>
  );
}
