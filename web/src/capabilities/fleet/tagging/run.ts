import { ApiError } from "@/platform/errors";
import type { Change } from "./plan";

export interface Failure {
  change: Change;
  error: unknown;
}

export interface Outcome {
  made: Change[];
  failed: Failure[];
  /** Not tried, because it was stopped or because the hub refuses the tags as such. */
  left: Change[];
}

interface Options {
  /** So many nodes are in work at a time. */
  parallel: number;
  signal: AbortSignal;
  onProgress: (done: number) => void;
}

/**
 * Makes the changes. One node's error does not stop the others, except one that every node would have: the first change goes
 * alone, and a tag that the hub finds ill-formed, or a login that is gone, ends it.
 */
export async function makeChanges(changes: readonly Change[], make: (change: Change) => Promise<unknown>, options: Options): Promise<Outcome> {
  const outcome: Outcome = { made: [], failed: [], left: [] };
  const [first, ...others] = changes;
  const waiting = first ? [first] : [];
  let isOver = false;
  const worker = async () => {
    while (!isOver && !options.signal.aborted) {
      const change = waiting.shift();
      if (!change) return;
      try {
        await make(change); // oxlint-disable-line no-await-in-loop -- each worker takes one after the other
        outcome.made.push(change);
      } catch (error) {
        outcome.failed.push({ change, error });
        isOver ||= isHopeless(error);
      }
      options.onProgress(outcome.made.length + outcome.failed.length);
    }
  };
  await worker();
  waiting.push(...others);
  await Promise.all(Array.from({ length: options.parallel }, worker));
  outcome.left = waiting;
  return outcome;
}

function isHopeless(error: unknown): boolean {
  return error instanceof ApiError && (error.isUnauthenticated || error.code === "ValidationException");
}
