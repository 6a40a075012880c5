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

/** Remembers the widths of the columns on show; those of hidden ones stay as they were. */
export function widthsOf(display: readonly Display[], widths: readonly number[], before: ListPreference["widths"]): Record<string, number> {
  const shown = display.filter(({ visible }) => visible);
  const now = shown.flatMap(({ id }, index): [string, number][] => {
    const width = widths[index];
    return width === undefined ? [] : [[id, Math.round(width)]];
  });
  return { ...before, ...Object.fromEntries(now) };
}
