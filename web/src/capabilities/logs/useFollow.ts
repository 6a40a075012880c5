import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { ApiError } from "@/platform/errors";
import type { LogEvent } from "@/platform/types";
import { type Search, filterEvents, latestAt } from "./api";
import { SHOWN_MOST, lastOf } from "./lines";

const LOOK_EVERY_MS = 3000;
/** What is not older than this is asked for again: the rest of a long output comes after its beginning. */
const OVERLAP_MS = 60_000;

interface Follow {
  search: Search;
  /** The beginning of the search's times, in epoch milliseconds. */
  from: number | undefined;
  /** The newest line that was read before; nothing when the way to it has not been read to its end. */
  newest: number | undefined;
  isOn: boolean;
}

interface Followed {
  batches: readonly (readonly LogEvent[])[];
  error: unknown;
}

/** What comes while it is on and somebody can see it. Lines may come again that were read before. */
export function useFollow({ search, from, newest, isOn }: Follow): Followed {
  const isVisible = useSyncExternalStore(watchVisibility, () => document.visibilityState === "visible");
  const [followed, setFollowed] = useState<Followed>({ batches: [], error: undefined });
  const seen = useRef(new Set<string>());
  const mark = useRef<number>(undefined);
  const start = useRef({ search, from, newest });
  useEffect(() => {
    start.current = { search, from, newest };
  });
  useEffect(() => {
    if (!isOn || !isVisible) return undefined;
    const stopper = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      try {
        const { search: wanted, from: earliest, newest: known } = start.current;
        const latest = await latestAt(wanted.group, stopper.signal);
        mark.current ??= known ?? latest;
        const fresh = await newSince(wanted, Math.max(earliest ?? 0, (mark.current ?? 0) - OVERLAP_MS), seen.current, stopper.signal);
        // With a page full there may be more behind it: the next look begins where this one did.
        if (fresh.length < SHOWN_MOST) mark.current = Math.max(latest ?? 0, mark.current ?? 0);
        setFollowed((before) => ({ batches: fresh.length === 0 ? before.batches : lastOf([...before.batches, fresh]).batches, error: undefined }));
      } catch (error) {
        if (stopper.signal.aborted) return;
        setFollowed((before) => ({ ...before, error }));
        if (!(error instanceof ApiError && error.isUnreachable)) return;
      }
      timer = setTimeout(() => void look(), LOOK_EVERY_MS);
    };
    void look();
    return () => {
      stopper.abort();
      clearTimeout(timer);
    };
  }, [isOn, isVisible]);
  return followed;
}

async function newSince(search: Search, startTime: number, seen: Set<string>, signal: AbortSignal): Promise<LogEvent[]> {
  const fresh: LogEvent[] = [];
  let token: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page says where the next begins
    const { events, nextToken } = await filterEvents(search, { startTime }, token, undefined, signal);
    fresh.push(...events.filter(({ eventId }) => !seen.has(eventId)));
    token = nextToken;
  } while (token !== undefined && fresh.length < SHOWN_MOST);
  for (const { eventId } of fresh) seen.add(eventId);
  return fresh;
}

function watchVisibility(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}
