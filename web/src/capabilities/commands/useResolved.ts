import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { ResolveTargetsRequest, ResolvedTargets } from "@/platform/types";
import { resolveTargets } from "./api";

const TYPING_MS = 300;
const REFRESH_MS = 10_000;

export interface Resolved {
  data: ResolvedTargets | undefined;
  error: unknown;
  isFetching: boolean;
  isChosen: boolean;
  retry: () => void;
}

/** What the targets reach now: asked again a moment after the last change, and every few seconds. */
export function useResolved(request: ResolveTargetsRequest | undefined): Resolved {
  const key = request === undefined ? "" : JSON.stringify(request);
  const [settled, setSettled] = useState(key);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(key), TYPING_MS);
    return () => clearTimeout(timer);
  }, [key]);
  const query = useQuery({
    queryKey: ["resolve-targets", settled],
    queryFn: ({ signal }) => resolveTargets(JSON.parse(settled) as ResolveTargetsRequest, signal),
    enabled: settled !== "",
    refetchInterval: REFRESH_MS,
    placeholderData: keepPreviousData,
  });
  const isCurrent = key !== "" && settled === key;
  return {
    data: isCurrent && !query.isPlaceholderData ? query.data : undefined,
    error: isCurrent && !query.data ? query.error : undefined,
    isFetching: key !== "" && (!isCurrent || query.isPlaceholderData || query.isPending),
    isChosen: key !== "",
    retry: () => void query.refetch(),
  };
}
