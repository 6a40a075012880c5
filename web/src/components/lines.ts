/** One line of a comparison: in both, or only in the old or the new text. */
export interface Line {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Lines that are in both texts and far from any difference. */
export interface Fold {
  kind: "folded";
  count: number;
}

export interface Comparison {
  lines: Line[];
  /** Nothing is marked that is in both; texts that differ over too many lines stand as two blocks instead. */
  isExact: boolean;
}

/** Where more lines than that differ, a person could not read the difference anyway. */
export const COMPARED_MOST = 2000;

/** The shortest way from one text to the other, line by line. */
export function compareLines(before: string, after: string): Comparison {
  const old = before.split("\n");
  const now = after.split("\n");
  const lead = commonLead(old, now);
  const trail = commonLead(old.slice(lead).toReversed(), now.slice(lead).toReversed());
  const ends = { old: old.length - trail, now: now.length - trail };
  const middle = compareMiddle(old.slice(lead, ends.old), now.slice(lead, ends.now));
  return { ...middle, lines: [...mark(old.slice(0, lead), "same"), ...middle.lines, ...mark(old.slice(ends.old), "same")] };
}

/** Leaves out what is further than `context` lines from a difference. */
export function folded(lines: readonly Line[], context: number): (Line | Fold)[] {
  const isNear = nearDifference(lines, context);
  const shown: (Line | Fold)[] = [];
  lines.forEach((line, at) => {
    const last = shown.at(-1);
    if (isNear[at]) shown.push(line);
    else if (last?.kind === "folded") last.count++;
    else shown.push({ kind: "folded", count: 1 });
  });
  return shown;
}

function nearDifference(lines: readonly Line[], context: number): boolean[] {
  const isNear = lines.map(() => false);
  lines.forEach(({ kind }, at) => {
    if (kind !== "same") isNear.fill(true, Math.max(at - context, 0), at + context + 1);
  });
  return isNear;
}

function commonLead(old: readonly string[], now: readonly string[]): number {
  const first = old.findIndex((line, at) => line !== now[at]);
  return first < 0 ? old.length : first;
}

function compareMiddle(old: string[], now: string[]): Comparison {
  if (old.length > COMPARED_MOST || now.length > COMPARED_MOST) return { lines: [...mark(old, "removed"), ...mark(now, "added")], isExact: false };
  const common = commonLengths(old, now);
  const lines: Line[] = [];
  let [at, to] = [0, 0];
  while (at < old.length || to < now.length) {
    if (at < old.length && to < now.length && old[at] === now[to]) {
      lines.push({ kind: "same", text: old[at++] ?? "" });
      to++;
    } else if (at < old.length && (to >= now.length || (common[at + 1]?.[to] ?? 0) >= (common[at]?.[to + 1] ?? 0))) {
      lines.push({ kind: "removed", text: old[at++] ?? "" });
    } else lines.push({ kind: "added", text: now[to++] ?? "" });
  }
  return { lines, isExact: true };
}

function mark(lines: string[], kind: Line["kind"]): Line[] {
  return lines.map((text) => ({ kind, text }));
}

/** Length of the longest common run of lines from each pair of places on. */
function commonLengths(old: string[], now: string[]): number[][] {
  const table = Array.from({ length: old.length + 1 }, () => Array.from<number>({ length: now.length + 1 }).fill(0));
  for (let at = old.length - 1; at >= 0; at--) {
    const row = table[at] ?? [];
    const below = table[at + 1] ?? [];
    for (let to = now.length - 1; to >= 0; to--) {
      row[to] = old[at] === now[to] ? (below[to + 1] ?? 0) + 1 : Math.max(below[to] ?? 0, row[to + 1] ?? 0);
    }
  }
  return table;
}
