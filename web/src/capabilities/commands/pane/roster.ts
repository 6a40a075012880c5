import type { Invocation, StateCount } from "@/platform/types";

/** Which nodes take part, and which of them is followed next. */

export const CHOICES = ["all", "running", "failed", "chosen"] as const;
export type Choice = (typeof CHOICES)[number];

/** Nodes followed at once. One socket bears so many subscriptions, and nobody reads more. */
export const FOLLOWED_MOST = 50;

const RUNNING = ["InProgress", "Cancelling"];
const FAILED = ["Failed", "ExecutionTimedOut", "Cancelled"];

export function choiceFrom(text: string | null): Choice {
  return CHOICES.find((choice) => choice === text) ?? "all";
}

/** The first one's address is the plain one. */
export function choiceParam(choice: Choice): string | undefined {
  return choice === "all" ? undefined : choice;
}

export function idsFrom(text: string | null): string[] {
  return (text ?? "").split(",").filter(Boolean).slice(0, FOLLOWED_MOST);
}

/** In which states the nodes are that take part, those first that are looked at first. What never began wrote nothing. */
export function statesOf(choice: Choice): string[][] {
  if (choice === "running") return [RUNNING];
  if (choice === "failed") return [FAILED];
  return choice === "all" ? [RUNNING, ["Success", ...FAILED]] : [];
}

/** How many nodes take part, as far as it is known: of a command that is over, those where it ran. */
export function totalOf(choice: Choice, states: readonly StateCount[], targets: number, chosen: readonly string[], isOver: boolean): number {
  if (choice === "chosen") return chosen.length;
  if (choice === "all" && !isOver) return targets;
  const wanted = new Set(statesOf(choice).flat());
  return states.filter(({ StatusDetails }) => wanted.has(StatusDetails)).reduce((sum, { Count }) => sum + Count, 0);
}

interface Drawn {
  follow: Invocation[];
  /** They have ended well and wrote nothing: there is nothing to follow. */
  silent: Invocation[];
}

/** Of those found, the ones that are followed now: as many as there is room for, none twice. */
export function draw(found: readonly Invocation[], isKnown: (nodeId: string) => boolean, room: number): Drawn {
  const fresh = found.filter(({ NodeId }) => !isKnown(NodeId));
  return { follow: fresh.filter((one) => !isSilent(one)).slice(0, Math.max(room, 0)), silent: fresh.filter(isSilent) };
}

function isSilent({ StatusDetails, StdoutBytes, StderrBytes }: Invocation): boolean {
  return StatusDetails === "Success" && StdoutBytes + StderrBytes === 0;
}
