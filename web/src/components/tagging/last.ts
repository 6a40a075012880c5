import { useSyncExternalStore } from "react";
import type { Change } from "./plan";

/** The last change of many resources' tags in this window, so that it can be taken back from any page. One that changed nothing is none. */
let last: readonly Change[] | undefined;
const listeners = new Set<() => void>();

export function rememberChanges(made: readonly Change[]): void {
  if (made.length === 0) return;
  last = made;
  for (const listener of listeners) listener();
}

export function useLastChanges(): readonly Change[] | undefined {
  return useSyncExternalStore(subscribe, () => last);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
