/** What stands where in a document's text, as far as a text that is still being written tells. Pure. */

/** One member of a map, wherever in the document. */
export interface Entry {
  /** Keys and numbers from the root down to the map. */
  path: readonly string[];
  key: string;
  /** As it stands on the line, without quotes; empty for a map or a list. */
  value: string;
}

/** What the cursor is about to write: `open` may yet become a member's name or a value. */
export interface Place {
  kind: "key" | "value" | "open";
  /** The map that gets the member, or the place of the value itself. */
  path: readonly string[];
  /** What is written of it already, up to the cursor. */
  word: string;
  /** What a suggestion replaces. */
  from: number;
  to: number;
  /** Whether the colon behind a member's name is there. */
  hasColon: boolean;
}

export interface Outline {
  entries: readonly Entry[];
  place: Place | undefined;
}

export function isSamePath(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((part, at) => part === other[at]);
}
