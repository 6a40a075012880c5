import { STATES, isTerminal, stateName } from "@/components/states";
import type { StateCount } from "@/platform/types";

/** What counts as failed when a command is run again on its failed nodes: every end but success. */
export function failedCount(states: readonly StateCount[]): number {
  return states
    .filter(({ StatusDetails }) => isTerminal(StatusDetails) && stateName(StatusDetails) !== "Success")
    .reduce((sum, { Count }) => sum + Count, 0);
}

const ORDER = ["Success", "InProgress", "Cancelling", "Delayed", "Pending"];

/** Success first, then what goes on; what went wrong stands at the end, where the eye looks for it. */
export function ordered(states: readonly StateCount[]): StateCount[] {
  return states.filter(({ Count }) => Count > 0).toSorted((a, b) => rank(a) - rank(b));
}

function rank({ StatusDetails }: StateCount): number {
  const at = ORDER.indexOf(stateName(StatusDetails));
  return at === -1 ? ORDER.length : at;
}

export function stateClass(status: string): string {
  return `state-${STATES[stateName(status)]?.type ?? "info"}`;
}
