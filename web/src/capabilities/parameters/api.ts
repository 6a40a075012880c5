import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import { ApiError } from "@/platform/errors";
import type { CursorPage } from "@/platform/pages";
import type { Request, Result, Tag } from "@/platform/types";
import type { View } from "@/platform/view";
import { filtersOf } from "./tokens";

type Item<List> = List extends readonly (infer One)[] ? One : never;

export type Parameter = Item<Result<"AmazonSSM.DescribeParameters">["Parameters"]>;
export type ParameterVersion = Item<Result<"AmazonSSM.GetParameterHistory">["Parameters"]>;
export type SecretKey = Item<Result<"Roadstead.ListSecretKeys">["Keys"]>;
export type NodeUse = Item<Result<"Roadstead.ListParameterUses">["Nodes"]>;
export type DocumentUse = Item<Result<"Roadstead.ListParameterDocuments">["Documents"]>;
type ListedRule = Item<Result<"Roadstead.ListNodeParameterAccess">["Rules"]>;
export type NodeRule = Omit<ListedRule, "Nodes"> & { Nodes: Required<ListedRule["Nodes"]> };
export type PutRequest = Request<"AmazonSSM.PutParameter">;

const LARGEST_PAGE = 50;

export async function listParameters(view: View, cursor: string | undefined, signal: AbortSignal): Promise<CursorPage<Parameter>> {
  const filters = filtersOf(view.filter);
  const request = {
    MaxResults: Math.min(view.size, LARGEST_PAGE),
    ...(filters.length > 0 ? { ParameterFilters: filters } : {}),
    ...(cursor ? { NextToken: cursor } : {}),
  };
  const result = await call("AmazonSSM.DescribeParameters", request, signal);
  return { items: result.Parameters, next: result.NextToken || undefined };
}

export function parameterQuery(name: string) {
  return queryOptions({
    queryKey: ["parameters", name],
    queryFn: async ({ signal }) => {
      const filter = { Key: "Name", Option: "Equals", Values: [name] };
      const { Parameters } = await call("AmazonSSM.DescribeParameters", { ParameterFilters: [filter] }, signal);
      const found = Parameters[0];
      if (!found) throw new ApiError("ParameterNotFound", `Parameter ${name} not found.`);
      return found;
    },
    refetchInterval: 15_000,
  });
}

/** The value as it lies: of a secret its sealed form. */
export async function readValue(name: string, isDecrypted: boolean, signal?: AbortSignal): Promise<string> {
  const { Parameter } = await call("AmazonSSM.GetParameter", { Name: name, WithDecryption: isDecrypted }, signal);
  return Parameter.Value;
}

/** The value of one version; another version has another one. */
export function valueQuery({ Name, Version }: Parameter) {
  return queryOptions({ queryKey: ["parameters", Name, "value", Version], queryFn: ({ signal }) => readValue(Name, false, signal) });
}

export function historyQuery(name: string) {
  return queryOptions({
    queryKey: ["parameters", name, "history"],
    queryFn: async ({ signal }) => {
      const all: ParameterVersion[] = [];
      let next: string | undefined;
      do {
        const page = await call("AmazonSSM.GetParameterHistory", { Name: name, ...(next ? { NextToken: next } : {}) }, signal);
        all.push(...page.Parameters);
        next = page.NextToken || undefined;
      } while (next);
      return all.toReversed();
    },
  });
}

export function putParameter(request: PutRequest) {
  return call("AmazonSSM.PutParameter", request);
}

export function deleteParameter(name: string) {
  return call("AmazonSSM.DeleteParameter", { Name: name });
}

export function label(name: string, version: number, text: string) {
  return call("AmazonSSM.LabelParameterVersion", { Name: name, ParameterVersion: version, Labels: [text] });
}

export function unlabel(name: string, version: number, text: string) {
  return call("AmazonSSM.UnlabelParameterVersion", { Name: name, ParameterVersion: version, Labels: [text] });
}

export function tagsQuery(name: string) {
  return queryOptions({
    queryKey: ["parameters", name, "tags"],
    queryFn: async ({ signal }) =>
      (await call("AmazonSSM.ListTagsForResource", { ResourceType: "Parameter", ResourceId: name }, signal)).TagList,
  });
}

export async function changeTags(name: string, removed: string[], added: Tag[]) {
  const resource = { ResourceType: "Parameter", ResourceId: name };
  if (removed.length > 0) await call("AmazonSSM.RemoveTagsFromResource", { ...resource, TagKeys: removed });
  if (added.length > 0) await call("AmazonSSM.AddTagsToResource", { ...resource, Tags: added });
}

export async function listKeys(signal: AbortSignal): Promise<CursorPage<SecretKey>> {
  const { Keys } = await call("Roadstead.ListSecretKeys", {}, signal);
  return { items: Keys };
}

export function createKey(alias: string, description: string) {
  return call("Roadstead.CreateSecretKey", { Alias: alias, Description: description });
}

export function rotateKey(key: SecretKey) {
  return call("Roadstead.RotateSecretKey", { KeyId: key.KeyId });
}

export function setKeyEnabled(key: SecretKey, isEnabled: boolean) {
  return call(isEnabled ? "Roadstead.EnableSecretKey" : "Roadstead.DisableSecretKey", { KeyId: key.KeyId });
}

/** Which nodes have a parameter now. */
export function usesQuery(name: string) {
  return queryOptions({
    queryKey: ["parameters", name, "uses"],
    queryFn: ({ signal }) => call("Roadstead.ListParameterUses", { Name: name }, signal),
    refetchInterval: 15_000,
  });
}

/** Which documents refer to a parameter. */
export function documentUsesQuery(name: string) {
  return queryOptions({
    queryKey: ["parameters", name, "documents"],
    queryFn: ({ signal }) => call("Roadstead.ListParameterDocuments", { Name: name }, signal),
  });
}

export async function listRules(signal: AbortSignal): Promise<CursorPage<NodeRule>> {
  const { Rules } = await call("Roadstead.ListNodeParameterAccess", {}, signal);
  return { items: Rules.map((rule) => ({ ...rule, Nodes: { All: false, NodeIds: [], Tags: [], ...rule.Nodes } })) };
}

export function putRule(rule: NodeRule) {
  return call("Roadstead.PutNodeParameterAccess", rule);
}

export function deleteRule(rule: NodeRule) {
  return call("Roadstead.DeleteNodeParameterAccess", { Name: rule.Name });
}
