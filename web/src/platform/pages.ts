import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

export interface CursorPage<T> {
  items: T[];
  next?: string;
  total?: number;
}

export type FetchPage<T> = (cursor: string | undefined, size: number, signal: AbortSignal) => Promise<CursorPage<T>>;

/** A list from its first page to its last, for whoever needs all of it. */
export async function allItems<T>(fetchPage: FetchPage<T>, size: number, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page names the next one
    const page = await fetchPage(cursor, size, signal);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}

interface Options<T> {
  /** Names the collection with everything that changes it: filter, order. The page is added here. */
  queryKey: readonly unknown[];
  fetchPage: FetchPage<T>;
  size: number;
  refetchInterval?: number | false;
}

export interface Pages<T> {
  items: readonly T[];
  total: number | undefined;
  page: number;
  pagesSeen: number;
  hasMore: boolean;
  isLoading: boolean;
  isRefreshing: boolean;
  /** Nothing could be loaded. */
  error: unknown;
  /** What is shown could not be brought up to date. */
  staleError: unknown;
  turnTo: (page: number) => void;
  refresh: () => void;
}

/**
 * Pages through a list by cursor. The cursors of visited pages are remembered, so that going back needs no search;
 * a changed collection starts again at its first page.
 */
export function usePages<T>({ queryKey, fetchPage, size, refetchInterval = 15_000 }: Options<T>): Pages<T> {
  const identity = JSON.stringify([queryKey, size]);
  const [place, setPlace] = useState<Place>(start(identity));
  const { page, cursors } = place.identity === identity ? place : start(identity);
  const cursor = cursors[page - 1];

  const query = useQuery({
    queryKey: [...queryKey, { size, cursor }],
    queryFn: ({ signal }) => fetchPage(cursor, size, signal),
    placeholderData: keepPreviousData,
    refetchInterval,
  });
  const next = query.isPlaceholderData ? undefined : query.data?.next;

  const turnTo = (to: number) => {
    if (to <= cursors.length) setPlace({ identity, page: to, cursors });
    else if (next !== undefined) setPlace({ identity, page: page + 1, cursors: [...cursors.slice(0, page), next] });
  };
  return {
    items: query.data?.items ?? [],
    total: query.data?.total,
    page,
    pagesSeen: cursors.length,
    hasMore: next !== undefined,
    isLoading: query.isPending,
    isRefreshing: query.isFetching,
    error: query.data === undefined ? (query.error ?? undefined) : undefined,
    staleError: query.data === undefined ? undefined : (query.error ?? undefined),
    turnTo,
    refresh: () => void query.refetch(),
  };
}

interface Place {
  identity: string;
  page: number;
  /** Where each visited page starts; the first one starts at nothing. */
  cursors: readonly (string | undefined)[];
}

function start(identity: string): Place {
  return { identity, page: 1, cursors: [undefined] };
}
