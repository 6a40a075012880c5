import { call } from "@/platform/api";
import { isEmpty } from "@/platform/filter";
import type { CursorPage } from "@/platform/pages";
import type { Filter, Request, TagRule, TaggedResource } from "@/platform/types";

export async function searchResources(filter: Filter, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<TaggedResource>> {
  const request: Request<"Roadstead.SearchResources"> = { MaxResults: size };
  if (!isEmpty(filter)) request.Filter = filter;
  if (cursor) request.NextToken = cursor;
  const result = await call("Roadstead.SearchResources", request, signal);
  return { items: result.Resources, next: result.NextToken, total: result.Total };
}

/** What is said of one key; the hub keeps it for each type. */
export interface KeyRule {
  key: string;
  types: string[];
  isRequired: boolean;
  values: string[];
}

export async function listTagRules(signal: AbortSignal): Promise<KeyRule[]> {
  const { Rules } = await call("Roadstead.ListTagRules", {}, signal);
  return byKey(Rules);
}

/** A key's rules are put together, so that they say the same of all its types. */
export function byKey(rules: readonly TagRule[]): KeyRule[] {
  const found = new Map<string, KeyRule>();
  for (const { Key, ResourceType, IsRequired, AllowedValues } of rules) {
    const known = found.get(Key);
    if (known) known.types.push(ResourceType);
    else found.set(Key, { key: Key, types: [ResourceType], isRequired: IsRequired, values: AllowedValues });
  }
  return [...found.values()];
}

export function putTagRule({ key, types, isRequired, values }: KeyRule) {
  return call("Roadstead.PutTagRule", { Key: key, ResourceTypes: types, IsRequired: isRequired, AllowedValues: values });
}

export function deleteTagRule(key: string) {
  return call("Roadstead.DeleteTagRule", { Key: key });
}
