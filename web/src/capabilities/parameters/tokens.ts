import type { TokenKey } from "@/components/tokens";
import { FREE_TEXT, filterToText, where } from "@/platform/filter";
import type { Filter, FilterOp } from "@/platform/types";
import type { en } from "./en";

interface ApiFilter {
  Key: string;
  Option: string;
  Values: string[];
}

/** What a value can be, as the hub checks it. */
const DATA_TYPES = [
  "text",
  "integer",
  "float",
  "boolean",
  "binary",
  "hostname",
  "email",
  "ipv4-address",
  "ipv6-address",
  "url",
  "json",
  "jsonc",
  "aws:region",
  "aws:account:id",
  "aws:ec2:image",
  "aws:ssm:integration",
] as const;

/** The keys a person can pick, what the hub calls them, and what each operator means there. */
export const KEYS: readonly (TokenKey<keyof typeof en> & { api: string })[] = [
  { key: "name", text: "name", api: "Name", operators: ["=", ":", "^"] },
  { key: "path", text: "path", api: "Path", operators: ["^", "="] },
  { key: "type", text: "type", api: "Type", operators: ["="], values: ["String", "StringList", "SecureString"] },
  { key: "tier", text: "tier", api: "Tier", operators: ["="], values: ["Standard", "Advanced"] },
  { key: "key", text: "key", api: "KeyId", operators: ["=", "^"] },
  { key: "datatype", text: "dataType", api: "DataType", operators: ["="], values: DATA_TYPES },
];

const OPTIONS: Partial<Record<FilterOp, string>> = { eq: "Equals", prefix: "BeginsWith", contains: "Contains" };
const PATH_OPTIONS: Partial<Record<FilterOp, string>> = { eq: "OneLevel", prefix: "Recursive" };

/**
 * The list's filter as upstream's: every key once, several values of a key are alternatives. A bare word is looked for in
 * the name.
 */
export function filtersOf(filter: Filter): ApiFilter[] {
  const all = new Map<string, ApiFilter>();
  for (const { Key, Op, Value } of filter.Terms) {
    const api = apiKey(Key);
    const option = (api === "Path" ? PATH_OPTIONS : OPTIONS)[Op] ?? "Equals";
    const known = all.get(api);
    if (known?.Option === option) known.Values.push(Value);
    else all.set(api, { Key: api, Option: option, Values: Value === "" ? [] : [Value] });
  }
  return [...all.values()].map((one) => (one.Values.length > 0 || !one.Key.startsWith("tag:") ? one : { ...one, Option: "Equals" }));
}

/** Two operators on one key cannot be asked for: the token that came last stays, so that the filter shows what is looked for. */
export function withOneOperator(filter: Filter): Filter {
  const last = new Map(filter.Terms.map(({ Key, Op }) => [apiKey(Key), Op]));
  return { ...filter, Terms: filter.Terms.filter(({ Key, Op }) => last.get(apiKey(Key)) === Op) };
}

function apiKey(key: string): string {
  if (key === FREE_TEXT) return "Name";
  return KEYS.find((known) => known.key === key)?.api ?? key;
}

export function parametersBelow(path: string): string {
  return `/parameters?filter=${encodeURIComponent(filterToText(where("path", "prefix", path)))}`;
}

/** `/a/b/c` as the paths that lead to it: `/a`, `/a/b`. */
export function pathsTo(name: string): string[] {
  const levels = name.split("/").filter((level) => level !== "");
  return levels.slice(0, -1).map((_, at) => `/${levels.slice(0, at + 1).join("/")}`);
}
