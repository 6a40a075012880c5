import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { call } from "@/platform/api";
import type { FoundNode, OutputSearchResult } from "@/platform/types";
import { type Wanted, searchRequest } from "./outputSearch";

const FRESH_MS = 30_000;

export interface Found {
  nodes: readonly FoundNode[];
  /** How far the search is: of the page that came last. */
  totals: Omit<OutputSearchResult, "Nodes" | "NextToken"> | undefined;
  hasMore: boolean;
  /** Nothing to show yet, and more to look through. */
  isSearching: boolean;
  isLoadingMore: boolean;
  error: unknown;
  more: () => void;
  retry: () => void;
}

/** Looks through the outputs of a command's nodes, page by page. `round` makes the same search again. */
export function useOutputSearch(commandId: string, wanted: Wanted, states: readonly string[], round: number): Found {
  const query = useInfiniteQuery({
    queryKey: ["output-search", commandId, wanted, states, round],
    queryFn: ({ pageParam, signal }) => call("Roadstead.SearchOutputs", searchRequest(commandId, wanted, states, pageParam || undefined), signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.NextToken || undefined,
    enabled: wanted.text !== "",
    staleTime: FRESH_MS,
    refetchOnWindowFocus: false,
  });
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const last = query.data?.pages.at(-1);
  // The hub looks through so much at a time, and may have found nothing in it.
  const isOn = last?.Nodes.length === 0 && hasNextPage && !isError;
  useEffect(() => {
    if (isOn && !isFetching && last) void fetchNextPage();
    // `last`: one page may follow the other without a pause between.
  }, [isOn, isFetching, last, fetchNextPage]);

  const nodes = query.data?.pages.flatMap(({ Nodes }) => Nodes) ?? [];
  return {
    nodes,
    totals: last,
    hasMore: hasNextPage,
    isSearching: nodes.length === 0 && (query.isLoading || isOn),
    isLoadingMore: query.isFetchingNextPage || isOn,
    error: query.error ?? undefined,
    more: () => void fetchNextPage(),
    retry: () => void (query.data ? fetchNextPage() : query.refetch()),
  };
}
