import { describe, expect, it } from "vitest";
import type { Tag } from "@/platform/types";
import { type Rule, type Tagged, areUsable, changeOf, effectsOf, planOf, ruleError, undoOf } from "./plan";

const node = (id: string, tags: Record<string, string>): Tagged => ({ type: "ManagedInstance", id, name: id, tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) });
const set = (key: string, value: string): Rule => ({ action: "set", key, value });
const add = (key: string, value: string): Rule => ({ action: "add", key, value });
const remove = (key: string): Rule => ({ action: "remove", key, value: "" });

const NODES = [node("a", { env: "prod" }), node("b", { env: "dev", old: "1" }), node("c", {})];

/** The tags of a node after a change. */
function tagsAfter(item: Tagged, change: { set: Tag[]; remove: string[] }) {
  const kept = item.tags.filter(({ Key }) => !change.remove.includes(Key) && !change.set.some((tag) => tag.Key === Key));
  return Object.fromEntries([...kept, ...change.set].map(({ Key, Value }) => [Key, Value]));
}

describe("a change of one node", () => {
  it("sends only what differs and remembers what was there", () => {
    const change = changeOf(NODES[1] as Tagged, [set("env", "prod"), remove("old"), remove("none"), set("team", "x")]);
    expect(change?.set).toEqual([
      { Key: "env", Value: "prod" },
      { Key: "team", Value: "x" },
    ]);
    expect(change?.remove).toEqual(["old"]);
    expect([...(change?.before ?? [])]).toEqual([
      ["env", "dev"],
      ["old", "1"],
      ["team", undefined],
    ]);
  });

  it("leaves a value that is there when adding", () => {
    expect(changeOf(NODES[1] as Tagged, [add("env", "prod")])).toBeUndefined();
    expect(changeOf(NODES[2] as Tagged, [add("env", "prod")])?.set).toEqual([{ Key: "env", Value: "prod" }]);
  });
});

it("leaves out nodes that are as wanted and nodes that are full", () => {
  const full = node("full", Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, ""])));
  const plan = planOf([...NODES, full], [set("env", "prod")]);
  expect(plan.changes.map(({ id }) => id)).toEqual(["b", "c"]);
  expect(plan.unchanged).toBe(1);
  expect(plan.full.map(({ id }) => id)).toEqual(["full"]);
  expect(planOf([full], [set("k0", "new"), remove("k1"), set("env", "x")]).full).toEqual([]);
});

it("counts what each rule does and which values go", () => {
  const [env, old] = effectsOf(NODES, [set("env", "prod"), remove("old")]);
  expect(env).toMatchObject({ added: 1, changed: 1, same: 1, lost: [{ value: "dev", count: 1 }] });
  expect(old).toMatchObject({ removed: 1, same: 2, lost: [{ value: "1", count: 1 }] });
});

describe("rules", () => {
  it("want a key, once", () => {
    const rules = [set("env", "a"), remove(" env "), set("", "x"), set("", "")];
    expect(rules.map((_, index) => ruleError(rules, index))).toEqual([undefined, "tagKeyTwice", "tagKeyRequired", undefined]);
    expect(areUsable(rules)).toBe(false);
    expect(areUsable([set("env", "a"), set("", "")])).toBe(true);
    expect(areUsable([set("", "")])).toBe(false);
  });
});

describe("taking back", () => {
  const rules = [set("env", "prod"), remove("old"), set("team", "x")];
  const made = NODES.flatMap((item) => changeOf(item, rules) ?? []);
  const applied = (item: Tagged): Tagged => {
    const change = changeOf(item, rules);
    if (!change) return item;
    const kept = item.tags.filter(({ Key }) => !change.before.has(Key));
    return { ...item, tags: [...kept, ...change.set] };
  };

  it("restores every node exactly", () => {
    const now = NODES.map(applied);
    const undoing = undoOf(made, now);
    expect(undoing.skipped).toBe(0);
    for (const change of undoing.changes) {
      const before = NODES.find(({ id }) => id === change.id) as Tagged;
      const after = now.find(({ id }) => id === change.id) as Tagged;
      expect(tagsAfter(after, change)).toEqual(Object.fromEntries(before.tags.map(({ Key, Value }) => [Key, Value])));
    }
  });

  it("leaves what somebody changed since, and nodes that are gone", () => {
    const now = [node("b", { env: "changed since", team: "x" })];
    const undoing = undoOf(made, now);
    expect(undoing.skipped).toBe(3);
    expect(undoing.changes).toHaveLength(1);
    expect(undoing.changes[0]).toMatchObject({ id: "b", set: [{ Key: "old", Value: "1" }], remove: ["team"] });
  });

  it("can itself be taken back", () => {
    const now = NODES.map(applied);
    const undoing = undoOf(made, now);
    expect(undoOf(undoing.changes, NODES).changes.map(({ id, set: tags, remove: keys }) => ({ id, set: tags, remove: keys }))).toEqual(
      made.map(({ id, set: tags, remove: keys }) => ({ id, set: expect.arrayContaining(tags) as Tag[], remove: keys })),
    );
  });
});
