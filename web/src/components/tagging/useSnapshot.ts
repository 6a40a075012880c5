import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { readNamed } from "./api";
import type { Named, Tagged } from "./plan";

/** Reads everything that matches a filter, whole. */
export type ReadAll = (onRead: (count: number) => void, signal: AbortSignal) => Promise<Tagged[]>;

/** What is to be tagged: named one by one, or whatever a list's filter finds; `key` is what tells two of those apart. */
export type Wanted = { named: readonly Named[] } | { key: unknown; readAll: ReadAll };

export interface Snapshot {
  nodes: readonly Tagged[] | undefined;
  /** How many have been read so far. */
  read: number;
  error: unknown;
  retry: () => void;
}

/** The resources and their tags as they are now, read whole; a new turn reads them again. */
export function useSnapshot(wanted: Wanted, turn: number): Snapshot {
  const [read, setRead] = useState(0);
  const query = useQuery({
    queryKey: ["tagging", "named" in wanted ? wanted.named : wanted.key, turn],
    queryFn: ({ signal }) => ("named" in wanted ? readNamed(wanted.named, setRead, signal) : wanted.readAll(setRead, signal)),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  return { nodes: query.data, read, error: query.data ? undefined : query.error, retry: () => void query.refetch() };
}
