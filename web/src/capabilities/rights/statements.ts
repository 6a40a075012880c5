import { KINDS as KINDS_HERE } from "@/api/words.gen";
import type { PolicyCondition, PolicyDocument, PolicyOperator, PolicyResource, PolicyStatement, TagSelector } from "@/platform/types";

/** A policy as a form holds it and as it is stored; both ways are pure and lose nothing. */

export const KINDS = ["*", ...KINDS_HERE] as const;
export const OPERATORS: readonly PolicyOperator[] = ["Equals", "NotEquals", "Like", "NotLike"];

export interface ResourceForm {
  kind: string;
  ids: string;
  tags: string;
  groups: string;
  own: boolean;
}

export interface ConditionForm {
  key: string;
  operator: PolicyOperator;
  values: string;
}

export interface StatementForm {
  sid: string;
  effect: PolicyStatement["Effect"];
  /** `actions` names what is meant, `others` everything but that. */
  means: "actions" | "others";
  actions: string;
  resources: ResourceForm[];
  conditions: ConditionForm[];
}

export const EMPTY_RESOURCE: ResourceForm = { kind: "node", ids: "", tags: "", groups: "", own: false };
export const EMPTY_CONDITION: ConditionForm = { key: "", operator: "Equals", values: "" };
export const EMPTY_STATEMENT: StatementForm = { sid: "", effect: "Allow", means: "actions", actions: "", resources: [EMPTY_RESOURCE], conditions: [] };

/** Entries stand one per line or behind commas. */
export function entries(text: string): string[] {
  return text.split(/[\n,]/).map((entry) => entry.trim()).filter(Boolean);
}

/** `env=prod|test` and `team`: a tag by key and, behind `=`, its values. */
export function tagSelectors(text: string): TagSelector[] {
  return entries(text).map((entry) => {
    const at = entry.indexOf("=");
    if (at === -1) return { Key: entry };
    return { Key: entry.slice(0, at).trim(), Values: entry.slice(at + 1).split("|").map((value) => value.trim()) };
  });
}

export function tagSelectorsText(tags: readonly TagSelector[]): string {
  return tags.map(({ Key, Values = [] }) => (Values.length > 0 ? `${Key}=${Values.join("|")}` : Key)).join("\n");
}

export function formOf(document: PolicyDocument): StatementForm[] {
  return document.Statements.map((statement) => ({
    sid: statement.Sid ?? "",
    effect: statement.Effect,
    means: (statement.NotActions ?? []).length > 0 ? "others" : "actions",
    actions: [...(statement.Actions ?? []), ...(statement.NotActions ?? [])].join("\n"),
    resources: statement.Resources.map((resource) => ({
      kind: resource.Kind,
      ids: (resource.Ids ?? []).join("\n"),
      tags: tagSelectorsText(resource.Tags ?? []),
      groups: (resource.Groups ?? []).join("\n"),
      own: resource.Own ?? false,
    })),
    conditions: (statement.Conditions ?? []).map(({ Key, Operator, Values }) => ({ key: Key, operator: Operator, values: Values.join("\n") })),
  }));
}

export function documentOf(forms: readonly StatementForm[]): PolicyDocument {
  return { Statements: forms.map(statementOf) };
}

function statementOf({ sid, effect, means, actions, resources, conditions }: StatementForm): PolicyStatement {
  const named = entries(actions);
  return {
    ...(sid.trim() ? { Sid: sid.trim() } : {}),
    Effect: effect,
    ...(means === "actions" ? { Actions: named } : { NotActions: named }),
    Resources: resources.map(resourceOf),
    ...(conditions.length > 0 ? { Conditions: conditions.map(conditionOf) } : {}),
  };
}

function resourceOf({ kind, ids, tags, groups, own }: ResourceForm): PolicyResource {
  const resource: PolicyResource = { Kind: kind };
  if (entries(ids).length > 0) resource.Ids = entries(ids);
  if (entries(tags).length > 0) resource.Tags = tagSelectors(tags);
  if (entries(groups).length > 0) resource.Groups = entries(groups);
  if (own) resource.Own = true;
  return resource;
}

function conditionOf({ key, operator, values }: ConditionForm): PolicyCondition {
  return { Key: key.trim(), Operator: operator, Values: entries(values) };
}

/** What the text editor holds, or what is wrong with it. The hub judges the rest. */
export function documentFromText(text: string): { document: PolicyDocument } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  const statements = (value as PolicyDocument | null)?.Statements;
  if (!Array.isArray(statements)) return { problem: "Statements: [ … ]" };
  const isSound = statements.every((statement) => typeof statement?.Effect === "string" && Array.isArray(statement.Resources));
  return isSound ? { document: value as PolicyDocument } : { problem: "Effect, Resources" };
}

export function documentText(document: PolicyDocument): string {
  return JSON.stringify(document, undefined, 2);
}
