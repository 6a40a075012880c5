import { call } from "@/platform/api";
import { ApiError } from "@/platform/errors";
import { isEmpty } from "@/platform/filter";
import type { Filter, TaggedResource } from "@/platform/types";
import { type Change, type Named, type Tagged, keyOf } from "./plan";

/** The hub gives and takes so many resources at once. */
const PAGE = 1000;

/** Sends changes; answers what was refused, by resource. */
export async function changeTags(changes: readonly Change[]): Promise<ReadonlyMap<string, unknown>> {
  const Changes = changes.map(({ type, id, set, remove }) => ({ ResourceType: type, ResourceId: id, Set: set, Remove: remove }));
  const { Failed } = await call("Roadstead.ChangeTags", { Changes });
  return new Map(Failed.map(({ ResourceType, ResourceId, Code, Message }) => [keyOf({ type: ResourceType, id: ResourceId }), new ApiError(Code, Message)]));
}

/** Tells how many have been read so far. */
type OnRead = (count: number) => void;

/** All resources that match, with their tags as they are now. */
export async function readMatching(filter: Filter, onRead: OnRead, signal: AbortSignal): Promise<Tagged[]> {
  const found: Tagged[] = [];
  let cursor: string | undefined;
  do {
    const request = { MaxResults: PAGE, ...(isEmpty(filter) ? {} : { Filter: filter }), ...(cursor ? { NextToken: cursor } : {}) };
    const page = await call("Roadstead.SearchResources", request, signal); // oxlint-disable-line no-await-in-loop -- a page names the next
    found.push(...page.Resources.map(tagged));
    onRead(found.length);
    cursor = page.NextToken;
  } while (cursor !== undefined);
  return found;
}

/** Of these resources, those that are there. */
export async function readNamed(named: readonly Named[], onRead: OnRead, signal: AbortSignal): Promise<Tagged[]> {
  const found: Tagged[] = [];
  for (let at = 0; at < named.length; at += PAGE) {
    const Resources = named.slice(at, at + PAGE).map(({ type, id }) => ({ ResourceType: type, ResourceId: id }));
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so as not to flood the hub
    const page = await call("Roadstead.SearchResources", { Resources, MaxResults: PAGE }, signal);
    found.push(...page.Resources.map(tagged));
    onRead(found.length);
  }
  return found;
}

function tagged({ ResourceType, ResourceId, Name, Tags }: TaggedResource): Tagged {
  return { type: ResourceType, id: ResourceId, name: Name, tags: Tags };
}

/** Keys in use, or values of one. */
export async function suggestTags(key: string | undefined, prefix: string): Promise<string[]> {
  const answer = await call("Roadstead.SuggestTags", { Prefix: prefix, ...(key === undefined ? {} : { Key: key }) }).catch(() => undefined);
  return answer?.Values ?? [];
}
