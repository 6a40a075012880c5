import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call } from "@/platform/api";
import type { Filter, SearchNodesResult } from "@/platform/types";

/** The hub takes so many terms in one filter. */
const IDS_MOST = 32;

/** Names for ids, as far as the nodes are still known; an unknown id stands for itself. */
export function useNodeNames(ids: readonly string[]): (id: string) => string {
  const wanted = [...new Set(ids)].toSorted();
  const query = useQuery({
    queryKey: ["node-names", wanted],
    queryFn: async ({ signal }) => {
      const parts = Array.from({ length: Math.ceil(wanted.length / IDS_MOST) }, (_, part) => wanted.slice(part * IDS_MOST, (part + 1) * IDS_MOST));
      const answers = await Promise.all(parts.map((part) => named(part, signal)));
      return new Map(answers.flatMap(({ Nodes }) => Nodes.map((node) => [node.NodeId, node.Name])));
    },
    enabled: wanted.length > 0,
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
  return (id) => query.data?.get(id) ?? id;
}

function named(ids: readonly string[], signal: AbortSignal): Promise<SearchNodesResult> {
  const filter: Filter = { Join: "or", Terms: ids.map((id) => ({ Key: "id", Op: "eq", Value: id })) };
  return call("Roadstead.SearchNodes", { Filter: filter, MaxResults: IDS_MOST }, signal);
}
