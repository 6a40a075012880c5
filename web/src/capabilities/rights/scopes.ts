import type { Scope } from "@/platform/types";
import { entries, tagSelectors, tagSelectorsText } from "./statements";

/** What narrows a user, as a form holds it. Pure. */
export interface ScopeForm {
  tags: string;
  groups: string;
  actions: string;
}

export function scopeForm({ Tags = [], Groups = [], Actions = [] }: Scope): ScopeForm {
  return { tags: tagSelectorsText(Tags), groups: Groups.join("\n"), actions: Actions.join("\n") };
}

export function scopeOf({ tags, groups, actions }: ScopeForm): Scope {
  const scope: Scope = {};
  if (entries(tags).length > 0) scope.Tags = tagSelectors(tags);
  if (entries(groups).length > 0) scope.Groups = entries(groups);
  if (entries(actions).length > 0) scope.Actions = entries(actions);
  return scope;
}

/** In one line; nothing when nothing is narrowed. */
export function scopeText(scope: Scope): string {
  const { tags, groups, actions } = scopeForm(scope);
  return [tags, groups, actions].filter(Boolean).join(" · ").replaceAll("\n", ", ");
}
