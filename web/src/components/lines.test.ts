import { expect, test } from "vitest";
import { compareLines } from "./lines";

test("only what differs is marked", () => {
  expect(compareLines("a\nb\nc", "a\nx\nc\nd")).toEqual([
    { kind: "same", text: "a" },
    { kind: "removed", text: "b" },
    { kind: "added", text: "x" },
    { kind: "same", text: "c" },
    { kind: "added", text: "d" },
  ]);
});

test("equal texts have no difference", () => {
  expect(compareLines("a\nb", "a\nb").every(({ kind }) => kind === "same")).toBe(true);
});
