import { expect, it } from "vitest";
import { tagChanges, tagError } from "./tagRules";

const tag = (Key: string, Value = "") => ({ Key, Value });

it("asks for a key only where a value stands", () => {
  expect(tagError([tag("", "")], 0)).toBeUndefined();
  expect(tagError([tag("", "x")], 0)).toBe("tagKeyRequired");
});

it("marks the second of two equal keys", () => {
  const tags = [tag("env", "a"), tag(" env ", "b")];
  expect([tagError(tags, 0), tagError(tags, 1)]).toEqual([undefined, "tagKeyTwice"]);
});

it("sends only what changed", () => {
  const before = [tag("env", "prod"), tag("role", "web"), tag("old", "x")];
  const after = [tag("env", "prod"), tag("role", "db "), tag("", ""), tag("new", "1")];
  expect(tagChanges(before, after)).toEqual({ removed: ["old"], set: [tag("role", "db"), tag("new", "1")] });
});
