import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";

export interface CursorPage<T> {
  items: T[];
  next?: string;
  total?: number;
}

export type FetchPage<T> = (cursor: string | undefined, size: number, signal: AbortSignal) => Promise<CursorPage<T>>;

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
  error: unknown;
  turnTo: (page: number) => void;
  refresh: () => void;
}

/**
 * Pages through a list by cursor. The cursors of visited pages are remembered, so that going back needs no search;
 * a changed collection starts again at its first page.
 */
export function usePages<T>({ queryKey, fetchPage, size, refetchInterval = 15_000 }: Options<T>): Pages<T> {
  const identity = JSON.stringify([queryKey, size]);
  const cursors = useRef<{ identity: string; known: (string | undefined)[] }>({ identity, known: [undefined] });
  const [position, setPosition] = useState({ identity, page: 1 });
  if (cursors.current.identity !== identity) cursors.current = { identity, known: [undefined] };
  const page = position.identity === identity ? position.page : 1;
  const known = cursors.current.known;
  const cursor = known[page - 1];

  const query = useQuery({
    queryKey: [...queryKey, { size, cursor }],
    queryFn: ({ signal }) => fetchPage(cursor, size, signal),
    placeholderData: keepPreviousData,
    refetchInterval,
  });
  const next = query.isPlaceholderData ? undefined : query.data?.next;
  if (next !== undefined) known[page] = next;
  else if (query.data && !query.isPlaceholderData) known.length = page;

  return {
    items: query.data?.items ?? [],
    total: query.data?.total,
    page,
    pagesSeen: Math.max(known.length, page),
    hasMore: next !== undefined,
    isLoading: query.isPending,
    isRefreshing: query.isFetching,
    error: query.data === undefined ? query.error : undefined,
    turnTo: (to) => setPosition({ identity, page: Math.min(to, known.length) }),
    refresh: () => void query.refetch(),
  };
}
