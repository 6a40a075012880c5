import { expect, test } from "vitest";
import { unseen, versionOf } from "./drafts";

test("a text that a version has already is not saved again", () => {
  const stored = [
    { version: "3", content: "a" },
    { version: "4", content: "b" },
  ];
  expect(versionOf(stored, "a")).toBe("3");
  expect(versionOf(stored, "c")).toBeUndefined();
});

test("a test waits until every parameter was seen", () => {
  expect(unseen([{ name: "who" }], [{ name: "who" }, { name: "mood" }])).toEqual(["mood"]);
  expect(unseen([{ name: "who" }], [])).toEqual([]);
});
