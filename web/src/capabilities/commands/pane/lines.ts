import { AnsiStripper } from "@/components/ansi";
import type { StreamName } from "@/platform/types";

/** Pure pieces of the pane that shows the output of many nodes: lines, how many are kept, which are shown. */

/** What is to be said of a node between its lines. */
export type Note = { kind: "ended"; status: string } | { kind: "omitted"; bytes: number } | { kind: "incomplete" } | { kind: "refused"; why: string };

export interface PaneLine {
  nodeId: string;
  /** Counted from 0; a note is of none. */
  step: number;
  stream: StreamName;
  text: string;
  note?: Note;
}

/** Lines that are drawn together; `id` never changes. */
export interface Block {
  id: number;
  lines: readonly PaneLine[];
}

export interface Kept {
  blocks: readonly Block[];
  /** Lines kept. */
  count: number;
  /** Lines that came before them and are gone. */
  dropped: number;
}

export const NOTHING_KEPT: Kept = { blocks: [], count: 0, dropped: 0 };

/** More nobody reads, and a page with more is slow. */
export const KEPT_MOST = 5000;
/** A line goes on in the next one beyond that: one without an end must not fill the memory. */
export const LINE_MOST = 2000;
/** Only the last block is drawn again when lines come. */
const BLOCK_LINES = 100;

/** Appends lines; beyond `most` the oldest go, whole blocks at a time. */
export function append({ blocks, count, dropped }: Kept, fresh: readonly PaneLine[], most: number = KEPT_MOST): Kept {
  if (fresh.length === 0) return { blocks, count, dropped };
  const grown = [...blocks];
  let rest = fresh;
  const last = grown.at(-1);
  if (last && last.lines.length < BLOCK_LINES) {
    const room = BLOCK_LINES - last.lines.length;
    grown[grown.length - 1] = { id: last.id, lines: [...last.lines, ...rest.slice(0, room)] };
    rest = rest.slice(room);
  }
  for (let at = 0; at < rest.length; at += BLOCK_LINES) {
    grown.push({ id: (grown.at(-1)?.id ?? 0) + 1, lines: rest.slice(at, at + BLOCK_LINES) });
  }
  let left = count + fresh.length;
  let first = 0;
  while (left > most && first < grown.length - 1) left -= grown[first++]?.lines.length ?? 0;
  return { blocks: grown.slice(first), count: left, dropped: dropped + count + fresh.length - left };
}

/** Lines that have come since `before` was looked at. */
export function cameSince(before: Kept, now: Kept): number {
  return now.dropped + now.count - before.dropped - before.count;
}

/** Whether a line has the text in it, or is of a node whose name has. Letters compare without case. */
export function matcher(filter: string, nameOf: (nodeId: string) => string): (line: PaneLine) => boolean {
  const wanted = filter.trim().toLowerCase();
  if (wanted === "") return () => true;
  return ({ nodeId, text }) => text.toLowerCase().includes(wanted) || nameOf(nodeId).toLowerCase().includes(wanted);
}

/** Cuts what one stream writes into lines. Pieces may end anywhere. */
export class LineCutter {
  private readonly stripper = new AnsiStripper();
  private begun = "";

  /** The lines that this piece has ended. */
  take(piece: string): string[] {
    const lines = (this.begun + this.stripper.strip(piece)).split("\n");
    this.begun = lines.pop() ?? "";
    if (this.begun.length > LINE_MOST) {
      const parts = partsOf(this.begun);
      this.begun = parts.pop() ?? "";
      lines.push(...parts);
    }
    return lines.flatMap(partsOf).map(visible);
  }

  /** What stands behind the last end of a line; it is taken out. */
  rest(): string[] {
    const { begun } = this;
    this.begun = "";
    return begun === "" ? [] : [visible(begun)];
  }
}

function partsOf(line: string): string[] {
  if (line.length <= LINE_MOST) return [line];
  return Array.from({ length: Math.ceil(line.length / LINE_MOST) }, (_, at) => line.slice(at * LINE_MOST, (at + 1) * LINE_MOST));
}

/** Controls, and the marks that turn the direction of text, can make a line look like another: they are shown instead. */
export function visible(line: string): string {
  return line
    .replace(/\r$/, "")
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    .replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (sign) => {
      const code = sign.charCodeAt(0);
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
    });
}
