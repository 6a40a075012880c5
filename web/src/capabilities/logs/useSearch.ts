import { useInfiniteQuery } from "@tanstack/react-query";
import { useId } from "react";
import { type Search, filterEvents } from "./api";
import { search } from "./lines";
import type { Times } from "./range";

/** The lines of one search, reading by reading. What was read stays as it is: to look again is a new search. */
export function useSearch(wanted: Search, times: Times) {
  // The same words searched again are another search.
  const id = useId();
  return useInfiniteQuery({
    queryKey: ["logs", "search", id, wanted, times],
    queryFn: ({ pageParam, signal }) => search((token, limit) => filterEvents(wanted, times, token, limit, signal), pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next,
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
