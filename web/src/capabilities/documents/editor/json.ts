import type { Entry, Outline, Place } from "./place";

/** An object or a list that is still open. */
interface Frame {
  path: readonly string[];
  isList: boolean;
  /** The member or the number that comes now. */
  key: string;
  awaits: "key" | "value";
}

/** Texts end with their line, so that a quote that is still missing does not take the rest along. */
const TOKEN = /"(?:\\.|[^"\\\n])*"?|[{}[\],:]|[^\s"{}[\],:]+/g;

export function outlineOfJson(text: string, position: number): Outline {
  const frames: Frame[] = [];
  const entries: Entry[] = [];
  let place: Place | undefined;
  let isPassed = false;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (!isPassed && index >= position) {
      place = placeOf(frames.at(-1), "", position, position, text);
      isPassed = true;
    } else if (!isPassed && isWithin(token, index, position)) {
      place = placeOf(frames.at(-1), text.slice(index, position).replace(/^"/, ""), index, endOf(token, index, position), text);
      isPassed = true;
    }
    take(token, frames, entries);
  }
  if (!isPassed) place = placeOf(frames.at(-1), "", position, position, text);
  return { entries, place };
}

/** Right behind a closed text nothing is written, behind a bare word more of it. */
function isWithin(token: string, index: number, position: number): boolean {
  if (/^[{}[\],:]$/.test(token)) return false;
  const end = index + token.length;
  return position < end || (position === end && !isClosed(token));
}

function isClosed(token: string): boolean {
  return token.length > 1 && token.startsWith('"') && token.endsWith('"');
}

/** What is replaced ends with the text, unless the closing quote is another text's opening one. */
function endOf(token: string, index: number, position: number): number {
  const rest = token.slice(position - index);
  return /^[\w.:-]*"?$/.test(rest) ? index + token.length : position;
}

function placeOf(frame: Frame | undefined, word: string, from: number, to: number, text: string): Place | undefined {
  if (!frame || !/^[\w.:-]*$/.test(word)) return undefined;
  const isKey = frame.awaits === "key";
  return { kind: isKey ? "key" : "value", path: isKey ? frame.path : [...frame.path, frame.key], word, from, to, hasColon: /^\s*:/.test(text.slice(to)) };
}

function take(token: string, frames: Frame[], entries: Entry[]): void {
  const top = frames.at(-1);
  if (token === "{" || token === "[") {
    if (top && !top.isList) entries.push({ path: top.path, key: top.key, value: "" });
    const isList = token === "[";
    frames.push({ path: top ? [...top.path, top.key] : [], isList, key: isList ? "0" : "", awaits: isList ? "value" : "key" });
  } else if (token === "}" || token === "]") frames.pop();
  else if (!top) return;
  else if (token === ",") {
    if (top.isList) top.key = String(Number(top.key) + 1);
    else top.awaits = "key";
  } else if (token === ":") top.awaits = "value";
  else if (top.awaits === "key") top.key = unquoted(token);
  else if (!top.isList) entries.push({ path: top.path, key: top.key, value: unquoted(token) });
}

function unquoted(token: string): string {
  return token.replace(/^"/, "").replace(/"$/, "");
}
