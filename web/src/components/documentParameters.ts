/** The parameters that a document declares, as a form shows them and as a command takes them. Pure; the hub is the judge. */

export type ParameterType = "String" | "StringList" | "Integer" | "Boolean" | "StringMap" | "MapList";

export interface ParameterSpec {
  name: string;
  type: ParameterType;
  description: string;
  /** As the form shows it; nothing when a value must be given. */
  start: string | undefined;
  allowed: readonly string[];
  pattern: string | undefined;
  isLong: boolean;
}

export type ParameterProblem = "missing" | "number" | "object" | "list";

const TYPES: readonly ParameterType[] = ["String", "StringList", "Integer", "Boolean", "StringMap", "MapList"];

interface Declared {
  type?: unknown;
  description?: unknown;
  default?: unknown;
  allowedValues?: unknown;
  allowedPattern?: unknown;
  displayType?: unknown;
}

/** Reads them from a document's text as JSON, in the order in which they are declared. */
export function specsOf(content: string): ParameterSpec[] {
  const parameters = (JSON.parse(content) as { parameters?: Record<string, Declared> }).parameters ?? {};
  return Object.entries(parameters).map(([name, declared]) => specOf(name, declared));
}

function specOf(name: string, declared: Declared): ParameterSpec {
  const type = TYPES.find((known) => known === declared.type) ?? "String";
  const start = declared.default === undefined ? undefined : startOf(type, declared.default);
  return {
    name,
    type,
    start,
    description: typeof declared.description === "string" ? declared.description : "",
    allowed: Array.isArray(declared.allowedValues) ? declared.allowedValues.map(textOf) : [],
    pattern: typeof declared.allowedPattern === "string" ? declared.allowedPattern : undefined,
    isLong: declared.displayType === "textarea" || start?.includes("\n") === true,
  };
}

function startOf(type: ParameterType, value: unknown): string {
  if (type === "StringList") return Array.isArray(value) ? value.map(textOf).join("\n") : textOf(value);
  return type === "StringMap" || type === "MapList" ? JSON.stringify(value, undefined, 2) : textOf(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What stands in the form for a parameter. */
export function shownValue(spec: ParameterSpec, values: Readonly<Record<string, string>>): string {
  return values[spec.name] ?? spec.start ?? "";
}

/** What is wrong with the form of a value. What it may say, the hub decides. */
export function problemOf(spec: ParameterSpec, text: string): ParameterProblem | undefined {
  if (text.trim() === "") return spec.start === undefined ? "missing" : undefined;
  if (spec.type === "Integer" && !/^-?\d+$/.test(text.trim())) return "number";
  if (spec.type === "StringMap" && !isObject(parsed(text))) return "object";
  if (spec.type === "MapList" && !isListOfObjects(parsed(text))) return "list";
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.every(isObject);
}

/** Values as a command takes them. One that is left as the document has it is left out. */
export function givenOf(specs: readonly ParameterSpec[], values: Readonly<Record<string, string>>): Record<string, string[]> {
  const changed = specs.flatMap((spec): [string, string[]][] => {
    const text = values[spec.name];
    return text === undefined || text === spec.start ? [] : [[spec.name, textsOf(spec.type, text)]];
  });
  return Object.fromEntries(changed);
}

function textsOf(type: ParameterType, text: string): string[] {
  const plain = text.replace(/\r\n/g, "\n");
  if (type === "StringList") return plain.trim() === "" ? [] : plain.replace(/\n+$/, "").split("\n");
  if (type === "MapList") return (parsed(text) as unknown[]).map((item) => JSON.stringify(item));
  return [type === "String" ? plain : plain.trim()];
}
