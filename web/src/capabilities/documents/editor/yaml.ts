import type { Entry, Outline, Place } from "./place";

/** A map or a list that is still open, by the column in which its keys or dashes stand. */
interface Frame {
  column: number;
  path: readonly string[];
  /** The member or the number that was read last. */
  last: string;
  isList: boolean;
}

interface Reading {
  frames: Frame[];
  entries: Entry[];
  /** The column that the lines of a block of text (`|`, `>`) are indented beyond. */
  block: number | undefined;
}

const MEMBER = /^("[^"]*"|'[^']*'|[^\s"'[\]{}#][^#]*?)\s*:(?:\s+(.*))?$/;
const BLOCK = /^[|>][-+0-9]*\s*(#.*)?$/;
const WORD = /^["']?[\w.:-]*$/;

/** Block style line by line; of flow style only a list that stands on one line. */
export function outlineOfYaml(text: string, position: number): Outline {
  const reading: Reading = { frames: [], entries: [], block: undefined };
  let place: Place | undefined;
  let start = 0;
  for (const line of text.split("\n")) {
    if (position >= start && position <= start + line.length) {
      const { frames, block } = reading;
      place = placeIn(line, position - start, { frames: frames.map((frame) => ({ ...frame })), entries: [], block }, start);
    }
    read(line, reading);
    start += line.length + 1;
  }
  return { entries: reading.entries, place };
}

function read(line: string, reading: Reading): void {
  if (line.trim() === "" || isOfBlock(line, reading)) return;
  reading.block = undefined;
  if (/^\s*#|^---|^\.\.\./.test(line)) return;
  const { column, rest, dash } = enter(line, reading.frames);
  const [, key, value = ""] = MEMBER.exec(rest) ?? [];
  if (key === undefined) {
    if (BLOCK.test(rest)) reading.block = dash;
    return;
  }
  const name = unquoted(key);
  const path = mapAt(column, reading.frames);
  const top = reading.frames.at(-1);
  if (top && !top.isList && top.column === column) top.last = name;
  else reading.frames.push({ column, path, last: name, isList: false });
  reading.entries.push({ path, key: name, value: unquoted(value.replace(/\s+#.*$/, "").trim()) });
  if (BLOCK.test(value)) reading.block = column;
}

function isOfBlock(line: string, { block }: Reading): boolean {
  return block !== undefined && indentOf(line) > block;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Goes past the dashes at a line's beginning; `dash` is the column of the last one. */
function enter(line: string, frames: Frame[]): { column: number; rest: string; dash: number } {
  let column = indentOf(line);
  let dash = column;
  for (;;) {
    const [sign] = /^-(?:\s+|$)/.exec(line.slice(column)) ?? [];
    if (sign === undefined) return { column, rest: line.slice(column), dash };
    openItem(column, frames);
    dash = column;
    column += sign.length;
  }
}

function openItem(column: number, frames: Frame[]): void {
  while ((frames.at(-1)?.column ?? -1) > column) frames.pop();
  const top = frames.at(-1);
  if (top?.isList && top.column === column) top.last = String(Number(top.last) + 1);
  else frames.push({ column, path: top ? [...top.path, top.last] : [], last: "0", isList: true });
}

/** The map whose keys stand in this column. */
function mapAt(column: number, frames: Frame[]): readonly string[] {
  for (;;) {
    const top = frames.at(-1);
    if (!top) return [];
    const isOver = top.column > column || (top.column === column && top.isList);
    if (!isOver) return top.column === column ? top.path : [...top.path, top.last];
    frames.pop();
  }
}

function placeIn(line: string, cursor: number, reading: Reading, start: number): Place | undefined {
  const before = line.slice(0, cursor);
  const after = line.slice(cursor);
  const column = line.trim() === "" ? cursor : indentOf(line);
  if (reading.block !== undefined && column > reading.block) return undefined;
  // A dash wants its blank first, and nothing is proposed in a comment.
  if (/(?:^|\s)(?:-$|#)/.test(before)) return undefined;
  const entered = enter(before, reading.frames);
  const path = mapAt(entered.column, reading.frames);
  const [, key, value] = /^("[^"]*"|'[^']*'|[^\s"'#][^#]*?)\s*:\s+(.*)$/.exec(entered.rest) ?? [];
  const inside = key === undefined || value === undefined ? { kind: "open" as const, path, word: entered.rest } : valueAt([...path, unquoted(key)], value);
  if (!WORD.test(inside.word)) return undefined;
  const [tail = ""] = /^[\w.-]*/.exec(after) ?? [];
  const [quote = ""] = /^["']/.exec(inside.word) ?? [];
  const isClosed = quote !== "" && after.charAt(tail.length) === quote;
  const length = tail.length + (isClosed ? 1 : 0);
  return {
    ...inside,
    word: inside.word.slice(quote.length),
    from: start + cursor - inside.word.length,
    to: start + cursor + length,
    hasColon: /^\s*:/.test(after.slice(length)),
  };
}

/** Within `[a, b` the item that is being written. */
function valueAt(path: readonly string[], value: string): Pick<Place, "kind" | "path" | "word"> {
  if (!value.startsWith("[")) return { kind: "value", path, word: value };
  const items = value.slice(1).split(",");
  return { kind: "value", path: [...path, String(items.length - 1)], word: (items.at(-1) ?? "").trimStart() };
}

function unquoted(text: string): string {
  return /^(["']).*\1$/.test(text) ? text.slice(1, -1) : text;
}
