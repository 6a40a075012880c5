import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { AnsiStripper } from "@/components/ansi";
import type { OutputPiece } from "@/platform/types";
import { type OutputAddress, getOutput } from "./api";

const PIECE_BYTES = 256 * 1024;
/** The hub hands out no less, so that a character is never cut. */
const LEAST_BYTES = 4;

export interface StoredOutput {
  head: string;
  /** What comes after the part that was left out. */
  tail: string;
  omittedBytes: number;
  leftBytes: number;
  isLoading: boolean;
  isLoadingMore: boolean;
  error: unknown;
  more: () => void;
}

/** A finished invocation's output, piece by piece. A piece never reaches over the place where something was left out. */
export function useStoredOutput(address: OutputAddress, enabled: boolean): StoredOutput {
  const query = useInfiniteQuery({
    queryKey: ["output", address],
    queryFn: ({ pageParam, signal }) => pieceAt(address, pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (last) => (last.NextOffset < last.StoredBytes ? last.NextOffset : undefined),
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const pieces = query.data?.pages;
  const texts = useMemo(() => splitAtCut(pieces ?? []), [pieces]);
  const last = pieces?.at(-1);
  return {
    ...texts,
    omittedBytes: last?.Cut?.OmittedBytes ?? 0,
    leftBytes: last ? Math.max(last.StoredBytes - last.NextOffset, 0) : 0,
    isLoading: enabled && query.isPending,
    isLoadingMore: query.isFetchingNextPage,
    error: query.error,
    more: () => void query.fetchNextPage(),
  };
}

async function pieceAt(address: OutputAddress, offset: number, signal: AbortSignal): Promise<OutputPiece & { offset: number }> {
  const piece = await getOutput(address, offset, PIECE_BYTES, signal);
  const head = piece.Cut?.HeadBytes ?? 0;
  const isOver = offset < head && piece.NextOffset > head;
  const fitting = isOver ? await getOutput(address, offset, Math.max(head - offset, LEAST_BYTES), signal) : piece;
  return { ...fitting, offset };
}

function splitAtCut(pieces: readonly (OutputPiece & { offset: number })[]): { head: string; tail: string } {
  const head = new AnsiStripper();
  const tail = new AnsiStripper();
  const texts = { head: "", tail: "" };
  for (const piece of pieces) {
    if (piece.Cut && piece.offset >= piece.Cut.HeadBytes) texts.tail += tail.strip(piece.Text);
    else texts.head += head.strip(piece.Text);
  }
  return texts;
}
