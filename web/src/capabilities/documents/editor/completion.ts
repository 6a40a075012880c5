import { outlineOfJson } from "./json";
import { type Entry, type Outline, type Place, isSamePath } from "./place";
import { membersAt, schemaOf, valuesAt } from "./words";
import { outlineOfYaml } from "./yaml";

/** What may be written at a place of a document, and what writing it replaces. Pure. */

export interface Suggestion {
  label: string;
  insert: string;
  /** The document does not do without it. */
  isRequired: boolean;
}

export interface Completion {
  /** What is written already; empty where nothing is. */
  word: string;
  from: number;
  to: number;
  suggestions: readonly Suggestion[];
}

export interface Written {
  text: string;
  format: string;
  type: string;
}

const LISTS = new Set(["mainSteps", "runCommand", "allowedValues", "StringEquals"]);
const MAPS = new Set(["parameters", "inputs", "precondition", "properties", "runtimeConfig", "variables", "documentParameters"]);

/** Nothing where nothing is known, or where all that could be written stands already. */
export function complete({ text, format, type }: Written, position: number): Completion | undefined {
  if (format !== "YAML" && format !== "JSON") return undefined;
  const isYaml = format === "YAML";
  const { entries, place } = isYaml ? outlineOfYaml(text, position) : outlineOfJson(text, position);
  const found = references(text, position, entries, isYaml) ?? (place && words({ entries, place }, { text, format, type }));
  if (!found) return undefined;
  const suggestions = matching(found.suggestions, found.word);
  const isWritten = suggestions.length === 1 && suggestions[0]?.insert === text.slice(found.from, found.to);
  return suggestions.length === 0 || isWritten ? undefined : { ...found, suggestions };
}

/** Within `{{ … }}` the document's own parameters. */
function references(text: string, position: number, entries: readonly Entry[], isYaml: boolean): Completion | undefined {
  const before = text.slice(text.lastIndexOf("\n", position - 1) + 1, position);
  const [whole, word] = /\{\{\s*([\w.-]*)$/.exec(before) ?? [];
  if (whole === undefined || word === undefined) return undefined;
  const [tail = ""] = /^[\w.-]*(?:\s*\}\})?/.exec(text.slice(position)) ?? [];
  // YAML takes braces at the beginning of a value for a map, so the whole value becomes a quoted text.
  const quote = isYaml && /(?::|^\s*-|\s-)\s+$/.test(before.slice(0, -whole.length)) ? '"' : "";
  const names = entries.filter(({ path }) => isSamePath(path, ["parameters"])).map(({ key }) => key);
  const suggestions = names.map((name) => ({ label: name, insert: `${quote}{{ ${name} }}${quote}`, isRequired: false }));
  return { word, from: position - whole.length, to: position + tail.length, suggestions };
}

function words({ entries, place }: Required<Outline> & { place: Place }, written: Written): Completion {
  const { kind, path, word, from, to } = place;
  const schema = schemaOf(entries, written.type);
  const members = kind === "value" ? { all: [], required: [] } : membersAt(path, schema, entries);
  const present = new Set(entries.filter((entry) => isSamePath(entry.path, path)).map(({ key }) => key));
  const own = written.text.slice(from, to).replace(/["']/g, "");
  const values = kind === "key" || members.all.length > 0 ? [] : valuesAt(path, schema, entries, written.type);
  const suggestions = [
    ...members.all
      .filter((name) => !present.has(name) || name === own)
      .map((name) => ({ label: name, insert: memberText(name, place, written), isRequired: members.required.includes(name) })),
    ...values.map((value) => ({ label: value, insert: valueText(value, path, written.format), isRequired: false })),
  ];
  return { word, from, to, suggestions };
}

function memberText(name: string, { hasColon, from }: Place, { text, format }: Written): string {
  if (format === "JSON") return hasColon ? `"${name}"` : `"${name}": `;
  if (hasColon) return name;
  const inner = " ".repeat(from - (text.lastIndexOf("\n", from - 1) + 1) + 2);
  if (LISTS.has(name)) return `${name}:\n${inner}- `;
  return MAPS.has(name) ? `${name}:\n${inner}` : `${name}: `;
}

function valueText(value: string, path: readonly string[], format: string): string {
  const isFlag = value === "true" || value === "false";
  if (format === "JSON") return isFlag ? value : `"${value}"`;
  return path.at(-1) === "schemaVersion" ? `'${value}'` : value;
}

/** First those that begin so, then those that have it within; what is needed stands first in each. */
function matching(suggestions: readonly Suggestion[], word: string): Suggestion[] {
  const wanted = word.toLowerCase();
  const rank = ({ label, isRequired }: Suggestion) => (label.toLowerCase().startsWith(wanted) ? 0 : 2) + (isRequired ? 0 : 1);
  return suggestions.filter(({ label }) => label.toLowerCase().includes(wanted)).toSorted((a, b) => rank(a) - rank(b));
}
