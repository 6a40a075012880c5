/** What the palette offers, and which of it fits what was typed. Pure. */
export interface PaletteEntry {
  id: string;
  group: string;
  text: string;
  /** Where it leads; an entry that acts also carries `act`, and its path then only names it. */
  path: string;
  hint?: string;
  act?: () => void;
}

/** Every typed word must occur; entries that start with the text come first. */
export function matching(entries: readonly PaletteEntry[], typed: string): PaletteEntry[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (entry: PaletteEntry) => {
    const text = `${entry.text} ${entry.hint ?? ""} ${entry.path}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const first = words[0] ?? "";
  const rank = (entry: PaletteEntry) => (entry.text.toLowerCase().startsWith(first) ? 0 : 1);
  return entries.filter(fits).toSorted((a, b) => rank(a) - rank(b));
}
