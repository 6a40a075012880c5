import { useRef, useState } from "react";
import { useCommonTexts } from "@/components/texts";
import { findNodes } from "./api";

export interface NodeOption {
  value: string;
  label: string;
  description: string;
  labelTag: string;
}

export interface FoundNodes {
  options: readonly NodeOption[];
  status: "loading" | "finished" | "error";
  find: (text: string) => void;
}

/** Nodes that the hub finds by a text, to choose from; the answer to the last question counts. */
export function useFoundNodes(): FoundNodes {
  const common = useCommonTexts();
  const [options, setOptions] = useState<NodeOption[]>([]);
  const [status, setStatus] = useState<FoundNodes["status"]>("finished");
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
  return { options, status, find: (text) => void find(text) };
}
