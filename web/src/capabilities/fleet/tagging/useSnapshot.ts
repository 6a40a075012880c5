import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "@/platform/api";
import { isEmpty } from "@/platform/filter";
import type { Filter, NodeSummary, SearchNodesRequest } from "@/platform/types";
import type { Tagged } from "./plan";

/** The hub takes so many terms in one filter, and gives so many nodes at once. */
const IDS_MOST = 32;
const PAGE = 100;

export type Wanted = { ids: readonly string[] } | { filter: Filter };

export interface Snapshot {
  nodes: readonly Tagged[] | undefined;
  /** How many have been read so far. */
  read: number;
  error: unknown;
  retry: () => void;
}

/** The nodes and their tags as they are now, read whole; a new turn reads them again. */
export function useSnapshot(wanted: Wanted, turn: number): Snapshot {
  const [read, setRead] = useState(0);
  const query = useQuery({
    queryKey: ["tagging", wanted, turn],
    queryFn: ({ signal }) => ("ids" in wanted ? byIds(wanted.ids, setRead, signal) : byFilter(wanted.filter, setRead, signal)),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  return { nodes: query.data, read, error: query.data ? undefined : query.error, retry: () => void query.refetch() };
}

async function byFilter(filter: Filter, onRead: (count: number) => void, signal: AbortSignal): Promise<Tagged[]> {
  const found: Tagged[] = [];
  let cursor: string | undefined;
  do {
    const request: SearchNodesRequest = { MaxResults: PAGE, ...(isEmpty(filter) ? {} : { Filter: filter }), ...(cursor ? { NextToken: cursor } : {}) };
    const page = await call("Roadstead.SearchNodes", request, signal); // oxlint-disable-line no-await-in-loop -- a page names the next
    found.push(...page.Nodes.map(tagged));
    onRead(found.length);
    cursor = page.NextToken;
  } while (cursor !== undefined);
  return found;
}

async function byIds(ids: readonly string[], onRead: (count: number) => void, signal: AbortSignal): Promise<Tagged[]> {
  const found: Tagged[] = [];
  for (let at = 0; at < ids.length; at += IDS_MOST) {
    const terms = ids.slice(at, at + IDS_MOST).map((id) => ({ Key: "id", Op: "eq" as const, Value: id }));
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so as not to flood the hub
    const { Nodes } = await call("Roadstead.SearchNodes", { Filter: { Join: "or", Terms: terms }, MaxResults: IDS_MOST }, signal);
    found.push(...Nodes.map(tagged));
    onRead(found.length);
  }
  return found;
}

function tagged({ NodeId, Name, Tags }: NodeSummary): Tagged {
  return { id: NodeId, name: Name, tags: Tags };
}
