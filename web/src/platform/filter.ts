import type { Filter, FilterOp, FilterTerm } from "./types";

/**
 * The one grammar of lists, targets and the command line: `key=value`, `!=`, `:` contains, `!:`, `^` prefix, `>=`, `<=`;
 * a bare word is free text; terms are separated by blanks (`and`) or by ` or `. A value with a blank is quoted.
 */

export const FREE_TEXT = "text";

const SYMBOLS: readonly [FilterOp, string][] = [
  ["ne", "!="],
  ["ncontains", "!:"],
  ["ge", ">="],
  ["le", "<="],
  ["eq", "="],
  ["contains", ":"],
  ["prefix", "^"],
];

export function symbolOf(op: FilterOp): string {
  return SYMBOLS.find(([name]) => name === op)?.[1] ?? "=";
}

export function opOf(symbol: string): FilterOp {
  return SYMBOLS.find(([, text]) => text === symbol)?.[0] ?? "eq";
}

export const EMPTY_FILTER: Filter = { Join: "and", Terms: [] };

export function isEmpty(filter: Filter): boolean {
  return filter.Terms.length === 0;
}

export function filterToText(filter: Filter): string {
  return filter.Terms.map(termToText).join(filter.Join === "or" ? " or " : " ");
}

function termToText({ Key, Op, Value }: FilterTerm): string {
  if (Key === FREE_TEXT) return Op === "ncontains" ? `${FREE_TEXT}!:${quoted(Value)}` : bare(Value);
  return quotedKey(Key) + symbolOf(Op) + quoted(Value);
}

function bare(value: string): string {
  const plain = !/[\s"=:^<>!]/.test(value) && value !== "" && !/^(or|and)$/i.test(value);
  return plain ? value : `${FREE_TEXT}:${quoted(value)}`;
}

function quoted(value: string): string {
  return value === "" || /[\s"]/.test(value) ? `"${value.replace(/[\\"]/g, "\\$&")}"` : value;
}

function quotedKey(key: string): string {
  return /[\s"]/.test(key) ? `"${key.replace(/[\\"]/g, "\\$&")}"` : key;
}

export function filterFromText(text: string): Filter {
  const words = splitWords(text);
  const isOr = words.some((word) => word.toLowerCase() === "or");
  const terms = words.filter((word) => !/^(or|and)$/i.test(word)).map(termFromText);
  return { Join: isOr ? "or" : "and", Terms: terms };
}

/** Splits at blanks outside quotes; the quotes stay, so that a quoted `or` is no operator. */
function splitWords(text: string): string[] {
  return text.match(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g) ?? [];
}

function termFromText(word: string): FilterTerm {
  const [key, op, rest] = splitTerm(word);
  if (key === "") return { Key: FREE_TEXT, Op: "contains", Value: unquoted(word) };
  return { Key: unquoted(key), Op: op, Value: unquoted(rest) };
}

/** The key ends at the first operator; the colon of `tag:` belongs to the key. */
function splitTerm(word: string): [string, FilterOp, string] {
  const start = word.startsWith('"') ? word.indexOf('"', 1) + 1 : /^tag:/i.test(word) ? 4 : 0;
  for (let at = start; at < word.length; at++) {
    const found = SYMBOLS.find(([, symbol]) => word.startsWith(symbol, at));
    if (found && at > start) return [word.slice(0, at), found[0], word.slice(at + found[1].length)];
    if (found && start > 0 && word.startsWith('"')) return [word.slice(0, at), found[0], word.slice(at + found[1].length)];
  }
  return ["", "contains", word];
}

function unquoted(text: string): string {
  return text.replace(/"((?:\\.|[^"\\])*)"?/g, (_, inner: string) => inner.replace(/\\(.)/g, "$1"));
}
