import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { IconProps } from "@cloudscape-design/components/icon";

/** The step that an address names, counted from 0; the first without one. */
export function stepFrom(text: string | null): number {
  return text !== null && /^\d{1,3}$/.test(text) ? Number(text) : 0;
}

const NAMED = "name:";

/** The step that an address names by its place, or by its name as a log stream has it: without `:`, `*` and `/`. */
export function stepAt(text: string | null, steps: readonly { Name: string }[]): number {
  if (text === null || !text.startsWith(NAMED)) return stepFrom(text);
  const name = text.slice(NAMED.length);
  return Math.max(steps.findIndex(({ Name }) => Name.replace(/[:*/]/g, "-") === name), 0);
}

/** The first step's address is the plain one. */
export function stepParam(step: number): string | undefined {
  return step === 0 ? undefined : String(step);
}

/** What an address names may not exist: another document, another node. Unknown steps say nothing against it. */
export function stepWithin(step: number, count: number): number {
  return count > 0 && step >= count ? 0 : step;
}

export function statusIcon(type: StatusIndicatorProps.Type): IconProps.Name {
  if (type === "success") return "status-positive";
  if (type === "error") return "status-negative";
  if (type === "not-started" || type === "loading" || type === "log") return "status-pending";
  return `status-${type}`;
}
