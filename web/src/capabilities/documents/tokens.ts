import type { TokenKey } from "@/components/tokens";
import { FREE_TEXT } from "@/platform/filter";
import type { Filter } from "@/platform/types";
import type { en } from "./en";

/** The types that documents are made of, the most common first. */
export const TYPES = [
  "Command",
  "Automation",
  "Session",
  "Policy",
  "Package",
  "ChangeCalendar",
  "ApplicationConfiguration",
  "ApplicationConfigurationSchema",
  "DeploymentStrategy",
  "Automation.ChangeTemplate",
  "ProblemAnalysis",
  "ProblemAnalysisTemplate",
  "CloudFormation",
  "ConformancePackTemplate",
  "QuickSetup",
  "ManualApprovalPolicy",
  "AutoApprovalPolicy",
] as const;

/** The keys a person can pick, and what the hub calls them. */
export const DOCUMENT_KEYS: readonly (TokenKey<keyof typeof en> & { api: string })[] = [
  { key: "name", text: "name", api: "Name", operators: ["="] },
  { key: "owner", text: "owner", api: "Owner", operators: ["="], values: ["Self", "Amazon", "ThirdParty", "Public", "Private"] },
  { key: "document_type", text: "type", api: "DocumentType", operators: ["="], values: TYPES },
  { key: "platform_types", text: "platforms", api: "PlatformTypes", operators: ["="], values: ["Linux", "MacOS", "Windows"] },
  { key: "target_type", text: "targetType", api: "TargetType", operators: ["="] },
];

export const TAG_OPERATORS = ["="] as const;

interface ApiFilter {
  Key: string;
  Values: string[];
}

/**
 * The list's filter as upstream's: several values of a key are alternatives, different keys must all hold, and so must all
 * words. A document has one owner.
 */
export function filtersOf(filter: Filter): ApiFilter[] {
  const all = new Map<string, ApiFilter>();
  const words: ApiFilter[] = [];
  for (const { Key, Value } of filter.Terms) {
    const api = DOCUMENT_KEYS.find((known) => known.key === Key)?.api ?? Key;
    const known = all.get(api);
    if (Key === FREE_TEXT) words.push({ Key: "SearchKeyword", Values: [Value] });
    else if (known) known.Values.push(Value);
    else all.set(api, { Key: api, Values: Value === "" ? [] : [Value] });
  }
  return [...all.values(), ...words];
}

/** Two owners cannot be asked for: the one that came last stays, so that the filter shows what is looked for. */
export function withOneOwner(filter: Filter): Filter {
  const last = filter.Terms.findLast(({ Key }) => Key === "owner");
  return { ...filter, Terms: filter.Terms.filter((term) => term.Key !== "owner" || term === last) };
}
