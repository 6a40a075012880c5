import { useInfiniteQuery } from "@tanstack/react-query";
import { streamEvents } from "./api";
import { type Way, readStream } from "./lines";

interface Place {
  way: Way;
  token?: string;
}

/** The lines of one stream from its beginning or from its end, and the way on in both directions. */
export function useStreamLines(group: string, name: string, fromHead: boolean) {
  return useInfiniteQuery({
    queryKey: ["logs", "stream-lines", group, name, fromHead],
    queryFn: ({ pageParam: { way, token }, signal }) =>
      readStream((at, limit) => streamEvents(group, name, fromHead, at, limit, signal), token, way),
    initialPageParam: { way: fromHead ? "later" : "earlier" } as Place,
    getNextPageParam: ({ later }): Place | undefined => (later === undefined ? undefined : { way: "later", token: later }),
    getPreviousPageParam: ({ earlier }): Place | undefined => (earlier === undefined ? undefined : { way: "earlier", token: earlier }),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
