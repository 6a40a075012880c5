import type { LogEvent, StreamEvent } from "@/platform/types";

/** Reading on through the operations' pages, and what becomes of the lines on the page. Pure but for the asking. */

/** Lines of one reading. */
export const BATCH = 200;
/** So often one reading asks: a page may be empty before the end. */
const ROUNDS = 12;
/** More lines than that make a page slow; the oldest leave it. */
export const SHOWN_MOST = 2000;

export interface Batch {
  events: readonly LogEvent[];
  /** Where the next reading goes on; nothing at the end. */
  next?: string;
}

export interface SearchAnswer {
  events: LogEvent[];
  nextToken?: string;
}

/** Asks until there are so many lines, or no more, or it has asked often enough for once. */
export async function search(ask: (token: string | undefined, limit: number) => Promise<SearchAnswer>, from: string | undefined): Promise<Batch> {
  const events: LogEvent[] = [];
  let next = from;
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await ask(next, BATCH - events.length);
    events.push(...answer.events);
    next = answer.nextToken;
    if (next === undefined || events.length >= BATCH) break;
  }
  return next === undefined ? { events } : { events, next };
}

export interface StreamBatch {
  events: readonly StreamEvent[];
  earlier?: string;
  later?: string;
}

export interface StreamAnswer {
  events: StreamEvent[];
  nextForwardToken: string;
  nextBackwardToken: string;
}

export type Way = "earlier" | "later";

/** Reads a stream in one direction. Its end is where an answer brings nothing more. */
export async function readStream(ask: (token: string | undefined, limit: number) => Promise<StreamAnswer>, from: string | undefined, way: Way): Promise<StreamBatch> {
  let events: StreamEvent[] = [];
  let token = from;
  for (;;) {
    const answer = await ask(token, BATCH - events.length);
    if (answer.events.length === 0) return { events };
    events = way === "later" ? [...events, ...answer.events] : [...answer.events, ...events];
    token = way === "later" ? answer.nextForwardToken : answer.nextBackwardToken;
    if (events.length >= BATCH) return { events, [way]: token };
  }
}

/** Lines of one stream that follow one another. */
export interface Run {
  stream: string;
  at: number;
  events: readonly LogEvent[];
}

export function runsOf(events: readonly LogEvent[]): Run[] {
  const runs: (Run & { events: LogEvent[] })[] = [];
  for (const event of events) {
    const last = runs.at(-1);
    if (last?.stream === event.logStreamName && last.at === event.timestamp) last.events.push(event);
    else runs.push({ stream: event.logStreamName, at: event.timestamp, events: [event] });
  }
  return runs;
}

/** Every line once, wherever it came first. */
export function onlyNew(batches: readonly (readonly LogEvent[])[]): LogEvent[][] {
  const seen = new Set<string>();
  return batches.map((events) => events.filter(({ eventId }) => !seen.has(eventId) && seen.add(eventId)));
}

/** The last of them, as far as the page bears them, and how many were left out in front. */
export function lastOf(batches: readonly (readonly LogEvent[])[], most: number = SHOWN_MOST): { batches: LogEvent[][]; dropped: number } {
  let room = most;
  let dropped = 0;
  const kept = batches.toReversed().map((events) => {
    const part = events.slice(Math.max(events.length - room, 0));
    room -= part.length;
    dropped += events.length - part.length;
    return part;
  });
  return { batches: kept.toReversed(), dropped };
}
