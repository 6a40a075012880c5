import { useRef, useState } from "react";
import { useCommonTexts } from "@/components/texts";
import { findNodes } from "./api";
import { useCommandTexts } from "./texts";

export interface NodeOption {
  value: string;
  label: string;
  description: string;
  labelTag: string;
}

/** What a select of nodes needs: those that the hub finds by a text, and its words. The answer to the last question counts. */
export function useFoundNodes() {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const [options, setOptions] = useState<NodeOption[]>([]);
  const [status, setStatus] = useState<"loading" | "finished" | "error">("finished");
  const latest = useRef(0);
  const find = async (text: string) => {
    const turn = ++latest.current;
    setStatus("loading");
    const found = await findNodes(text).catch(() => undefined);
    if (turn !== latest.current) return;
    setOptions(
      (found ?? []).map((node) => ({
        value: node.NodeId,
        label: node.Name,
        description: [node.NodeId, ...node.Addresses.slice(0, 1)].join(" · "),
        labelTag: node.Status === "Online" ? common("online") : common("offline"),
      })),
    );
    setStatus(found ? "finished" : "error");
  };
  return {
    options,
    filteringType: "manual",
    statusType: status,
    placeholder: t("nodesPlaceholder"),
    filteringPlaceholder: t("nodesPlaceholder"),
    filteringAriaLabel: t("nodesPlaceholder"),
    empty: t("nodesNone"),
    loadingText: common("loading"),
    errorText: common("loadFailed"),
    recoveryText: common("retry"),
    expandToViewport: true,
    onLoadItems: ({ detail }: { detail: { filteringText: string } }) => void find(detail.filteringText),
  } as const;
}
