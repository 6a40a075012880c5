/** How the editor's text lies; the same numbers as in its style sheet. */
export const LINE_PX = 20;
const PADDING_PX = 10;
const TAB = "  ";
const OPTION_PX = 28;

export interface Scroll {
  left: number;
  top: number;
}

/** Where a word begins in the text, and how much of the text is seen. */
export interface Anchor {
  left: number;
  top: number;
  height: number;
}

let canvas: CanvasRenderingContext2D | null | undefined;

export function anchorOf(area: HTMLTextAreaElement, offset: number): Anchor {
  const before = area.value.slice(0, offset).split("\n");
  return {
    left: PADDING_PX + textWidth(area, before.at(-1) ?? ""),
    top: PADDING_PX + (before.length - 1) * LINE_PX,
    height: area.clientHeight,
  };
}

/** Wide characters are not twice the narrow ones in every font, so the text is measured. */
function textWidth(area: HTMLTextAreaElement, text: string): number {
  canvas ??= document.createElement("canvas").getContext("2d");
  if (!canvas) return 0;
  canvas.font = getComputedStyle(area).font;
  return canvas.measureText(text.replaceAll("\t", TAB)).width;
}

/** Where a list of so many rows goes: below its word, above it where there is no room below. */
export function placeOf(anchor: Anchor, scroll: Scroll, rows: number): Scroll {
  const top = anchor.top - scroll.top;
  const height = (rows + 1) * OPTION_PX;
  const isAbove = top + LINE_PX + height > anchor.height && top > height;
  return { left: anchor.left - scroll.left, top: isAbove ? top - height : top + LINE_PX };
}
