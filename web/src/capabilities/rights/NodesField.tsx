import FormField from "@cloudscape-design/components/form-field";
import Multiselect, { type MultiselectProps } from "@cloudscape-design/components/multiselect";
import { useRef, useState } from "react";
import { useCommonTexts } from "@/components/texts";
import { useNodeNames } from "@/components/useNodeNames";
import { findNodes } from "./api";
import { useRightsTexts } from "./texts";

interface Props {
  ids: readonly string[];
  onChange: (ids: string[]) => void;
}

/** Nodes, found by the hub and collected. */
export function NodesField({ ids, onChange }: Props) {
  const t = useRightsTexts();
  const common = useCommonTexts();
  const nameOf = useNodeNames(ids);
  const [options, setOptions] = useState<MultiselectProps.Option[]>([]);
  const [status, setStatus] = useState<"loading" | "finished" | "error">("finished");
  const latest = useRef(0);
  const load = async (text: string) => {
    const turn = ++latest.current;
    setStatus("loading");
    const found = await findNodes(text).catch(() => undefined);
    if (turn !== latest.current) return;
    setOptions((found ?? []).map(({ NodeId, Name }) => ({ value: NodeId, label: Name, description: NodeId })));
    setStatus(found ? "finished" : "error");
  };
  return (
    <FormField label={t("groupList")} stretch>
      <Multiselect
        selectedOptions={ids.map((id) => ({ value: id, label: nameOf(id) }))}
        options={options}
        filteringType="manual"
        statusType={status}
        placeholder={t("nodesFind")}
        filteringPlaceholder={t("nodesFind")}
        filteringAriaLabel={t("nodesFind")}
        empty={common("nothingFound")}
        loadingText={common("loading")}
        errorText={common("loadFailed")}
        deselectAriaLabel={({ label }) => `${common("tagRemove")}: ${label}`}
        tokenLimit={20}
        keepOpen
        expandToViewport
        onLoadItems={({ detail }) => void load(detail.filteringText)}
        onChange={({ detail }) => onChange(detail.selectedOptions.map(({ value = "" }) => value))}
      />
    </FormField>
  );
}
