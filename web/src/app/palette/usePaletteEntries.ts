import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { call } from "@/platform/api";
import { FREE_TEXT, where } from "@/platform/filter";
import type { SearchNodesRequest } from "@/platform/types";
import { ALL_ENTRIES } from "../navigation";
import { useAppTexts } from "../texts";
import { type PaletteEntry, matching } from "./entries";

const NODES_SHOWN = 8;

/** What the shell itself can do. */
export interface PaletteAction {
  id: string;
  text: string;
  act: () => void;
}

/** Pages by name, and nodes as the hub finds them. */
export function usePaletteEntries(typed: string, actions: readonly PaletteAction[]): PaletteEntry[] {
  const t = useAppTexts();
  const word = typed.trim();
  const nodes = useQuery({
    queryKey: ["palette-nodes", word],
    queryFn: ({ signal }) => {
      const request: SearchNodesRequest = { MaxResults: NODES_SHOWN };
      if (word) request.Filter = where(FREE_TEXT, "contains", word);
      return call("Roadstead.SearchNodes", request, signal);
    },
    enabled: word !== "",
    placeholderData: keepPreviousData,
  });
  return useMemo(() => {
    const pages = ALL_ENTRIES.map((entry): PaletteEntry => ({
      id: entry.path,
      group: t("palettePages"),
      text: t(entry.text),
      path: entry.path,
      ...(entry.key ? { hint: `g ${entry.key}` } : {}),
    }));
    const doings = actions.map(({ id, text, act }): PaletteEntry => ({ id, group: t("paletteActions"), text, path: id, act }));
    const found = word === "" ? [] : (nodes.data?.Nodes ?? []);
    return [
      ...matching(pages, typed),
      // With nothing typed the pages are enough.
      ...(word === "" ? [] : matching(doings, typed)),
      ...found.map((node): PaletteEntry => ({ id: node.NodeId, group: t("paletteNodes"), text: node.Name, path: `/nodes/${node.NodeId}`, hint: node.NodeId })),
      ...found.slice(0, 3).filter((node) => node.Status === "Online").map((node): PaletteEntry => ({
        id: `shell:${node.NodeId}`,
        group: t("paletteActions"),
        text: t("shellOn", { name: node.Name }),
        path: `/sessions/new?node=${node.NodeId}`,
      })),
    ];
  }, [t, typed, word, nodes.data, actions]);
}
