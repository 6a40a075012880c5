import { expect, test } from "vitest";
import { COMPARED_MOST, compareLines, folded } from "./lines";

test("only what differs is marked", () => {
  expect(compareLines("a\nb\nc", "a\nx\nc\nd")).toEqual({
    isExact: true,
    lines: [
      { kind: "same", text: "a" },
      { kind: "removed", text: "b" },
      { kind: "added", text: "x" },
      { kind: "same", text: "c" },
      { kind: "added", text: "d" },
    ],
  });
});

test.each([
  ["a\nb", "a\nb"],
  ["", ""],
])("%j and %j have no difference", (before, after) => {
  expect(compareLines(before, after).lines.every(({ kind }) => kind === "same")).toBe(true);
});

test.each([
  ["a\na", "a"],
  ["a", "a\na\na"],
  ["x\na\ny\na", "a\nx\na"],
  ["", "a\nb"],
])("%j and %j come back out of their comparison", (before, after) => {
  const { lines } = compareLines(before, after);
  const side = (other: string) => lines.flatMap(({ kind, text }) => (kind === other ? [] : [text])).join("\n");
  expect([side("added"), side("removed")]).toEqual([before, after]);
});

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, at) => String(at + from)).join("\n");

test("one line among very many is found", () => {
  const { lines, isExact } = compareLines(numbers(COMPARED_MOST * 3), `${numbers(COMPARED_MOST)}\nnew\n${numbers(COMPARED_MOST * 2, COMPARED_MOST)}`);
  expect([isExact, lines.filter(({ kind }) => kind !== "same")]).toEqual([true, [{ kind: "added", text: "new" }]]);
});

test("texts that differ everywhere stand as two blocks", () => {
  const { lines, isExact } = compareLines(numbers(COMPARED_MOST + 1), "other");
  expect([isExact, lines.length, lines.at(-1)]).toEqual([false, COMPARED_MOST + 2, { kind: "added", text: "other" }]);
});

test("what is far from a difference is folded", () => {
  const { lines } = compareLines(numbers(9), numbers(9).replace("4", "four"));
  expect(folded(lines, 1)).toEqual([
    { kind: "folded", count: 3 },
    { kind: "same", text: "3" },
    { kind: "removed", text: "4" },
    { kind: "added", text: "four" },
    { kind: "same", text: "5" },
    { kind: "folded", count: 3 },
  ]);
});
