import type { Kept, PaneLine } from "./lines";

const NAME_LEAST = 6;
const NAME_MOST = 24;

/** How many of the lines are shown. */
export function shownCount({ blocks }: Kept, shows: (line: PaneLine) => boolean): number {
  return blocks.reduce((sum, { lines }) => sum + lines.filter(shows).length, 0);
}

/** How many characters wide a name is. Signs of Chinese and Japanese take two places. */
export function widthOf(name: string): number {
  return [...name].reduce((sum, sign) => sum + (sign > "\u2E7F" ? 2 : 1), 0);
}

/** Room for the longest name; one that is still longer is cut off. */
export function nameRoom(longest: number): number {
  return Math.min(Math.max(NAME_LEAST, longest), NAME_MOST);
}
