import type { ListPreference } from "@/platform/preferences";

interface Display {
  id: string;
  visible: boolean;
}

interface Known {
  id: string;
  isRowHeader?: boolean;
  /** Shown only when a person asks for it. */
  isExtra?: boolean;
}

/**
 * Which columns are shown, and in which order: as chosen, as far as the columns are still there. What came with a newer
 * console stands at the end, and the column that names the row can be moved but not hidden.
 */
export function displayOf(columns: readonly Known[], chosen: ListPreference["columns"]): Display[] {
  const known = new Map(columns.map((column) => [column.id, column]));
  const kept = (chosen ?? []).filter(({ id }) => known.has(id));
  const added = columns.filter(({ id }) => !kept.some((item) => item.id === id)).map(({ id, isExtra }) => ({ id, visible: !isExtra }));
  return [...kept, ...added].map(({ id, visible }) => ({ id, visible: visible || known.get(id)?.isRowHeader === true }));
}

/** Narrower than this the words of a column break. */
const LEAST_PX = 125;
/** A column gives way by so much at most. */
const LEAST_SHARE = 0.7;

/**
 * Widths with which the columns on show fit into the room, in pixels: wide ones give way in proportion. Where they are too many
 * for that they keep the widths they wish, and the table scrolls.
 */
export function fitted(columns: readonly { id: string; width?: string | number | undefined }[], display: readonly Display[], room: number): Map<string, number> {
  const wished = new Map(columns.flatMap(({ id, width }): [string, number][] => (typeof width === "number" ? [[id, width]] : [])));
  const shown = display.filter(({ id, visible }) => visible && wished.has(id)).map(({ id }) => wished.get(id) ?? 0);
  const scale = scaleOf(shown, room);
  // On a telephone the first column leaves room for the second.
  const most = Math.max(room / 2, 120);
  return new Map([...wished].map(([id, width]) => [id, Math.floor(Math.min(most, squeezed(width, scale)))]));
}

function squeezed(width: number, scale: number): number {
  return Math.max(width * scale, Math.min(width, LEAST_PX));
}

/** What brings the widths into the room, when those that are at their least give no more; 1 when nothing does, or need not. */
function scaleOf(widths: readonly number[], room: number): number {
  let scale = 1;
  for (let round = 0; round < widths.length; round++) {
    const [least, rest] = [widths.filter((width) => width * scale <= LEAST_PX), widths.filter((width) => width * scale > LEAST_PX)];
    const taken = least.reduce((sum, width) => sum + squeezed(width, scale), 0);
    const wish = rest.reduce((sum, width) => sum + width, 0);
    if (taken + wish * scale <= room) return scale;
    scale = (room - taken) / wish;
    if (!(scale >= LEAST_SHARE)) return 1;
  }
  return 1;
}

/** Remembers the widths of the columns on show; those of hidden ones stay as they were. */
export function widthsOf(display: readonly Display[], widths: readonly number[], before: ListPreference["widths"]): Record<string, number> {
  const shown = display.filter(({ visible }) => visible);
  const now = shown.flatMap(({ id }, index): [string, number][] => {
    const width = widths[index];
    return width === undefined ? [] : [[id, Math.round(width)]];
  });
  return { ...before, ...Object.fromEntries(now) };
}
