/** One line of a comparison: in both, or only in the old or the new text. */
export interface Line {
  kind: "same" | "removed" | "added";
  text: string;
}

/** More lines than that are compared as two blocks; a person could not read the difference anyway. */
const MOST = 2000;

/** The shortest way from one text to the other, line by line. */
export function compareLines(before: string, after: string): Line[] {
  const old = before.split("\n");
  const now = after.split("\n");
  if (old.length > MOST || now.length > MOST) return [...mark(old, "removed"), ...mark(now, "added")];
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
  return lines;
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
