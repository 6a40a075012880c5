import { expect, it, test } from "vitest";
import type { Invocation } from "@/platform/types";
import { FOLLOWED_MOST, choiceFrom, choiceParam, draw, idsFrom, statesOf, totalOf } from "./roster";
import { nameRoom, widthOf } from "./shown";

const one = (id: number, StatusDetails = "InProgress", bytes = 0): Invocation =>
  ({ NodeId: `mi-${id}`, Name: `n${id}`, StatusDetails, StdoutBytes: bytes, StderrBytes: 0 }) as Invocation;
const many = (count: number) => Array.from({ length: count }, (_, at) => one(at));

it("follows as many as there is room for, and none twice", () => {
  const found = many(100);
  const first = draw(found, () => false, FOLLOWED_MOST);
  expect(first.follow).toHaveLength(FOLLOWED_MOST);
  const known = new Set(first.follow.map(({ NodeId }) => NodeId));
  const next = draw(found, (id) => known.has(id), 3);
  expect(next.follow.map(({ NodeId }) => NodeId)).toEqual(["mi-50", "mi-51", "mi-52"]);
  expect(draw(found, (id) => known.has(id), 0).follow).toEqual([]);
});

it("passes over what has ended well without a word, but not over a failure", () => {
  const { follow, silent } = draw([one(1, "Success"), one(2, "Success", 9), one(3, "Failed"), one(4)], () => false, 10);
  expect(silent.map(({ NodeId }) => NodeId)).toEqual(["mi-1"]);
  expect(follow.map(({ NodeId }) => NodeId)).toEqual(["mi-2", "mi-3", "mi-4"]);
});

test.each([
  ["all", false, 10_000],
  ["all", true, 7],
  ["running", false, 2],
  ["failed", true, 4],
  ["chosen", true, 1],
] as const)("of %s, over: %s, %d nodes take part", (choice, isOver, total) => {
  const states = [
    { StatusDetails: "Success", Count: 3 },
    { StatusDetails: "Failed", Count: 4 },
    { StatusDetails: "InProgress", Count: 2 },
    { StatusDetails: "DeliveryTimedOut", Count: 9991 },
  ].filter(({ StatusDetails }) => !isOver || StatusDetails !== "InProgress");
  expect(totalOf(choice, states, 10_000, ["mi-1"], isOver)).toBe(total);
});

it("reads and writes the address", () => {
  expect([choiceFrom(null), choiceFrom("failed"), choiceFrom("x")]).toEqual(["all", "failed", "all"]);
  expect([choiceParam("all"), choiceParam("running")]).toEqual([undefined, "running"]);
  expect(idsFrom("mi-1,,mi-2")).toEqual(["mi-1", "mi-2"]);
  expect(idsFrom(Array.from({ length: 60 }, (_, at) => `mi-${at}`).join(","))).toHaveLength(FOLLOWED_MOST);
  expect(statesOf("chosen")).toEqual([]);
});

it("gives names the room of the longest, within bounds", () => {
  expect(["", "db", "港の灯台"].map(widthOf)).toEqual([0, 2, 8]);
  expect([0, 8, 99].map(nameRoom)).toEqual([6, 8, 24]);
});
