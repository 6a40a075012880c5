import type { Tag } from "@/platform/types";

type TagError = "tagKeyRequired" | "tagKeyTwice" | undefined;

/** A row that is still empty is no error; it is left out when saving. */
export function tagError(tags: readonly Tag[], index: number): TagError {
  const tag = tags[index];
  if (!tag) return undefined;
  const key = tag.Key.trim();
  if (key === "") return tag.Value === "" ? undefined : "tagKeyRequired";
  return tags.some((other, at) => at < index && other.Key.trim() === key) ? "tagKeyTwice" : undefined;
}

export function hasTagErrors(tags: readonly Tag[]): boolean {
  return tags.some((_, index) => tagError(tags, index) !== undefined);
}

export function filledTags(tags: readonly Tag[]): Tag[] {
  return tags.map(({ Key, Value }) => ({ Key: Key.trim(), Value: Value.trim() })).filter(({ Key }) => Key !== "");
}

/** What to remove and what to set, to get from one list to the other. */
export function tagChanges(before: readonly Tag[], after: readonly Tag[]): { removed: string[]; set: Tag[] } {
  const wanted = filledTags(after);
  return {
    removed: before.filter(({ Key }) => !wanted.some((tag) => tag.Key === Key)).map(({ Key }) => Key),
    set: wanted.filter(({ Key, Value }) => !before.some((tag) => tag.Key === Key && tag.Value === Value)),
  };
}
