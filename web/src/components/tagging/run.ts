import { ApiError } from "@/platform/errors";
import { type Change, keyOf } from "./plan";

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
  /** So many resources go in one request … */
  batch: number;
  /** … and so many requests at a time. */
  parallel: number;
  signal: AbortSignal;
  onProgress: (done: number) => void;
}

/** Makes some changes in one request; answers which of them were refused, by their key, and why. */
export type Make = (changes: readonly Change[]) => Promise<ReadonlyMap<string, unknown>>;

/**
 * Makes the changes in batches. One resource's error does not stop the others, except one that every resource would have: a
 * tag that the hub finds ill-formed, or a login that is gone, ends it. So the first batch goes alone.
 */
export async function makeChanges(changes: readonly Change[], make: Make, options: Options): Promise<Outcome> {
  const outcome: Outcome = { made: [], failed: [], left: [] };
  const waiting = [...changes];
  let isOver = false;
  const one = async () => {
    const batch = waiting.splice(0, options.batch);
    try {
      const refused = await make(batch);
      for (const change of batch) {
        const error = refused.get(keyOf(change));
        if (error === undefined) outcome.made.push(change);
        else outcome.failed.push({ change, error });
      }
    } catch (error) {
      isOver ||= isHopeless(error);
      // What all have in common is said once.
      const [first, ...others] = batch;
      if (isOver && first) {
        outcome.failed.push({ change: first, error });
        waiting.unshift(...others);
      } else {
        outcome.failed.push(...batch.map((change) => ({ change, error })));
      }
    }
    options.onProgress(outcome.made.length + outcome.failed.length);
  };
  const isGoing = () => !isOver && !options.signal.aborted && waiting.length > 0;
  const worker = async () => {
    while (isGoing()) await one(); // oxlint-disable-line no-await-in-loop -- each worker takes one batch after the other
  };
  if (isGoing()) await one();
  await Promise.all(Array.from({ length: options.parallel }, worker));
  outcome.left = waiting;
  return outcome;
}

function isHopeless(error: unknown): boolean {
  return error instanceof ApiError && (error.isUnauthenticated || error.code === "ValidationException" || error.code === "AccessDeniedException");
}
