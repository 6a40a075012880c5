import type { Tag } from "@/platform/types";

/** Tagging many resources at once: what a person asks for, what it means on each, and how it is taken back. Pure. */

/** Upstream's limit on tags of one resource. */
export const TAGS_MOST = 50;

export const ACTIONS = ["set", "add", "remove"] as const;
/** `set` overwrites, `add` leaves a value that is there. */
export type Action = (typeof ACTIONS)[number];

export interface Rule {
  action: Action;
  key: string;
  value: string;
}

/** Upstream's `ResourceType`, and the id: together they say which resource it is. */
export interface Named {
  type: string;
  id: string;
}

export interface Tagged extends Named {
  name: string;
  tags: readonly Tag[];
}

/** What is sent for one resource, with the value that each touched key had before; no value: it was not there. */
export interface Change extends Named {
  name: string;
  set: Tag[];
  remove: string[];
  before: ReadonlyMap<string, string | undefined>;
}

export const EMPTY_RULE: Rule = { action: "set", key: "", value: "" };

export type RuleError = "tagKeyRequired" | "tagKeyTwice" | undefined;

/** A rule that is still empty is no error; it is left out. */
export function ruleError(rules: readonly Rule[], index: number): RuleError {
  const rule = rules[index];
  if (!rule) return undefined;
  const key = rule.key.trim();
  if (key === "") return rule.value.trim() === "" ? undefined : "tagKeyRequired";
  return rules.some((other, at) => at < index && other.key.trim() === key) ? "tagKeyTwice" : undefined;
}

export function filledRules(rules: readonly Rule[]): Rule[] {
  return rules.map(({ action, key, value }) => ({ action, key: key.trim(), value: value.trim() })).filter(({ key }) => key !== "");
}

export function areUsable(rules: readonly Rule[]): boolean {
  return filledRules(rules).length > 0 && rules.every((_, index) => ruleError(rules, index) === undefined);
}

/** `undefined` when the node is already as wanted. */
export function changeOf(node: Tagged, rules: readonly Rule[]): Change | undefined {
  const set: Tag[] = [];
  const remove: string[] = [];
  const before = new Map<string, string | undefined>();
  for (const rule of rules) {
    const old = valueOf(node.tags, rule.key);
    if (effectOf(rule, old) === "same") continue;
    before.set(rule.key, old);
    if (rule.action === "remove") remove.push(rule.key);
    else set.push({ Key: rule.key, Value: rule.value });
  }
  return before.size === 0 ? undefined : { type: node.type, id: node.id, name: node.name, set, remove, before };
}

export interface Plan {
  changes: Change[];
  /** Already as wanted. */
  unchanged: number;
  /** Would carry more tags than a node may; they are left out. */
  full: Tagged[];
}

export function planOf(nodes: readonly Tagged[], rules: readonly Rule[]): Plan {
  const plan: Plan = { changes: [], unchanged: 0, full: [] };
  for (const node of nodes) {
    const change = changeOf(node, rules);
    if (!change) plan.unchanged += 1;
    else if (countAfter(node, change) > TAGS_MOST) plan.full.push(node);
    else plan.changes.push(change);
  }
  return plan;
}

function countAfter(node: Tagged, { before, set, remove }: Change): number {
  const added = set.filter(({ Key }) => before.get(Key) === undefined).length;
  return node.tags.length + added - remove.length;
}

/** What one rule does, counted over all nodes. */
export interface Effect {
  rule: Rule;
  added: number;
  removed: number;
  changed: number;
  same: number;
  /** Values that go, the most frequent first. */
  lost: { value: string; count: number }[];
}

export function effectsOf(nodes: readonly Tagged[], rules: readonly Rule[]): Effect[] {
  return rules.map((rule) => {
    const effect: Effect = { rule, added: 0, removed: 0, changed: 0, same: 0, lost: [] };
    const lost = new Map<string, number>();
    for (const { tags } of nodes) {
      const old = valueOf(tags, rule.key);
      const what = effectOf(rule, old);
      effect[what] += 1;
      if (old !== undefined && (what === "changed" || what === "removed")) lost.set(old, (lost.get(old) ?? 0) + 1);
    }
    effect.lost = [...lost].map(([value, count]) => ({ value, count })).toSorted((a, b) => b.count - a.count || a.value.localeCompare(b.value));
    return effect;
  });
}

function effectOf({ action, value }: Rule, old: string | undefined): "added" | "changed" | "removed" | "same" {
  if (action === "remove") return old === undefined ? "same" : "removed";
  if (old === undefined) return "added";
  return action === "add" || old === value ? "same" : "changed";
}

export interface Undoing {
  changes: Change[];
  /** Nodes of which somebody changed a tag since, or that are gone; what was changed there stays. */
  skipped: number;
}

/** The way back from changes that were made, as far as nobody touched the same keys since. */
export function undoOf(made: readonly Change[], now: readonly Tagged[]): Undoing {
  const current = new Map(now.map((node) => [keyOf(node), node]));
  const undoing: Undoing = { changes: [], skipped: 0 };
  for (const change of made) {
    const node = current.get(keyOf(change));
    const back = node && wayBack(change, node);
    if (!back || back.before.size < change.before.size) undoing.skipped += 1;
    if (back && back.before.size > 0) undoing.changes.push(back);
  }
  return undoing;
}

function wayBack(change: Change, node: Tagged): Change {
  const set: Tag[] = [];
  const remove: string[] = [];
  const before = new Map<string, string | undefined>();
  for (const [key, old] of change.before) {
    const made = valueOf(change.set, key);
    if (valueOf(node.tags, key) !== made) continue;
    before.set(key, made);
    if (old === undefined) remove.push(key);
    else set.push({ Key: key, Value: old });
  }
  return { type: node.type, id: node.id, name: node.name, set, remove, before };
}

export function keyOf({ type, id }: Named): string {
  return `${type}/${id}`;
}

function valueOf(tags: readonly Tag[], key: string): string | undefined {
  return tags.find(({ Key }) => Key === key)?.Value;
}
