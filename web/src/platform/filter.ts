import type { Filter, FilterOp, FilterTerm } from "./types";

/**
 * The one grammar of lists, targets and the command line, as the hub reads it:
 *
 * ```text
 * filter   = term (" " term)*            all must hold
 *          | term (" or " term)*         one must hold
 * term     = key operator value | word   a bare word is searched in the text of the row (key `text`)
 * operator = "=" | "!=" | ":" (contains) | "!:" | "^" (begins with) | ">=" | "<="
 * key      = letters, digits, "_", "-", "." | "tag:" tag key
 * ```
 *
 * A value, a word or a tag key that holds a space, a quote or an operator stands in double quotes, with `\` before `"` and
 * `\` inside. `tag:env` alone means that the tag is there.
 */

export const FREE_TEXT = "text";
const TAG = "tag:";

const SYMBOLS: readonly [FilterOp, string][] = [
  ["eq", "="],
  ["ne", "!="],
  ["contains", ":"],
  ["ncontains", "!:"],
  ["prefix", "^"],
  ["ge", ">="],
  ["le", "<="],
];

export function symbolOf(op: FilterOp): string {
  return SYMBOLS.find(([name]) => name === op)?.[1] ?? "=";
}

export function opOf(symbol: string): FilterOp {
  return SYMBOLS.find(([, text]) => text === symbol)?.[0] ?? "eq";
}

/** A filter of one condition. */
export function where(Key: string, Op: FilterOp, Value: string): Filter {
  return { Join: "and", Terms: [{ Key, Op, Value }] };
}

export const EMPTY_FILTER: Filter = { Join: "and", Terms: [] };

export function isEmpty(filter: Filter): boolean {
  return filter.Terms.length === 0;
}

export function filterToText(filter: Filter): string {
  return filter.Terms.map(termToText).join(filter.Join === "or" ? " or " : " ");
}

function termToText({ Key, Op, Value }: FilterTerm): string {
  if (Key === FREE_TEXT && Op === "contains") return written(Value, Value === "or" || Value === "" || hasOperator(Value));
  const key = Key.startsWith(TAG) ? TAG + written(Key.slice(TAG.length), hasOperator(Key.slice(TAG.length))) : Key;
  return key + symbolOf(Op) + written(Value, false);
}

function hasOperator(text: string): boolean {
  return /[=!:^<>]/.test(text);
}

function written(text: string, isReserved: boolean): string {
  return isReserved || /[\s"]/.test(text) ? `"${text.replace(/[\\"]/g, "\\$&")}"` : text;
}

/** Reads leniently, for what a person is still typing: an open quote ends at the end. The hub is the judge. */
export function filterFromText(text: string): Filter {
  const words: readonly string[] = text.match(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g) ?? [];
  const terms = words.filter((word) => word !== "or").map(termFromText);
  return { Join: words.includes("or") ? "or" : "and", Terms: terms };
}

function termFromText(word: string): FilterTerm {
  const prefix = word.startsWith(TAG) ? TAG : "";
  const [key, op, value] = splitAtOperator(word.slice(prefix.length));
  if (op === undefined) {
    if (prefix === TAG) return { Key: TAG + unquoted(key), Op: "prefix", Value: "" };
    return { Key: FREE_TEXT, Op: "contains", Value: unquoted(word) };
  }
  return { Key: prefix + unquoted(key), Op: op, Value: unquoted(value) };
}

/** What stands before the first operator outside quotes, that operator, and the rest. */
function splitAtOperator(text: string): [string, FilterOp | undefined, string] {
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isQuoted && character === "\\") at += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted) {
      const found = SYMBOLS.find(([, symbol]) => text.startsWith(symbol, at));
      if (found) return [text.slice(0, at), found[0], text.slice(at + found[1].length)];
    }
  }
  return [text, undefined, ""];
}

function unquoted(text: string): string {
  return text.replace(/"((?:\\.|[^"\\])*)"?/g, (_, inner: string) => inner.replace(/\\(.)/g, "$1"));
}
