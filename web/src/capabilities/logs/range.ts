/** The times that a search is about, and how they stand in the address. Pure. */

export type Unit = "minute" | "hour" | "day" | "week";

export interface Last {
  amount: number;
  unit: Unit;
}

export interface Between {
  from: string;
  until: string;
}

export type Range = "all" | Last | Between;

/** Epoch milliseconds, as the operations take them. */
export interface Times {
  startTime?: number;
  endTime?: number;
}

const UNITS: Record<Unit, { letter: string; ms: number }> = {
  minute: { letter: "m", ms: 60_000 },
  hour: { letter: "h", ms: 3_600_000 },
  day: { letter: "d", ms: 86_400_000 },
  week: { letter: "w", ms: 604_800_000 },
};

/** What is on offer, the shortest first. */
export const PRESETS: readonly Last[] = [
  { amount: 15, unit: "minute" },
  { amount: 1, unit: "hour" },
  { amount: 24, unit: "hour" },
  { amount: 7, unit: "day" },
];

/** Without a word about it in the address: an hour, or as much more as it takes to see the latest lines. */
export function defaultRange(latestAt: number | undefined, now: number): Range {
  const fitting = PRESETS.slice(1).find((preset) => latestAt === undefined || latestAt >= now - lengthOf(preset));
  return fitting ?? "all";
}

export function rangeFromParams(params: URLSearchParams): Range | undefined {
  const [since, from, until] = ["since", "from", "until"].map((name) => params.get(name) ?? "");
  if (from && until && isTime(from) && isTime(until)) return { from, until };
  if (since === "all") return since;
  const [, amount = "", letter] = /^([1-9]\d{0,4})([mhdw])$/.exec(since ?? "") ?? [];
  const unit = (Object.keys(UNITS) as Unit[]).find((name) => UNITS[name].letter === letter);
  return unit && { amount: Number(amount), unit };
}

export function paramsOfRange(range: Range): Record<"since" | "from" | "until", string | undefined> {
  if (range === "all") return { since: range, from: undefined, until: undefined };
  if ("from" in range) return { since: undefined, from: range.from, until: range.until };
  return { since: `${range.amount}${UNITS[range.unit].letter}`, from: undefined, until: undefined };
}

export function timesOf(range: Range, now: number): Times {
  if (range === "all") return {};
  if ("from" in range) return { startTime: Date.parse(range.from), endTime: Date.parse(range.until) };
  return { startTime: Math.max(now - lengthOf(range), 0) };
}

/** What is written from now on belongs to it. */
export function isOpen(range: Range): boolean {
  return range === "all" || !("until" in range);
}

function lengthOf({ amount, unit }: Last): number {
  return amount * UNITS[unit].ms;
}

function isTime(text: string): boolean {
  return !Number.isNaN(Date.parse(text));
}
