import { expect, test } from "vitest";
import { stepAt, stepFrom, stepParam, stepWithin } from "./steps";

test.each([
  [null, 0],
  ["2", 2],
  ["-1", 0],
  ["1.5", 0],
  ["two", 0],
  ["12345", 0],
])("an address with step %j means step %j", (text, step) => {
  expect(stepFrom(text)).toBe(step);
});

test.each([
  ["name:2", 0],
  ["name:serve-it", 1],
  ["name:gone", 0],
  ["1", 1],
  [null, 0],
])("an address with step %j means, by name or place, step %j", (text, step) => {
  expect(stepAt(text, [{ Name: "2" }, { Name: "serve/it" }])).toBe(step);
});

test("the first step has the plain address", () => {
  expect([stepParam(0), stepParam(3)]).toEqual([undefined, "3"]);
});

test("a step that there is not is the first", () => {
  expect([stepWithin(1, 2), stepWithin(2, 2), stepWithin(2, 0)]).toEqual([1, 0, 2]);
});
