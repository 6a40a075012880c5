import { expect, test } from "vitest";
import { filterFromText, where } from "@/platform/filter";
import { strangeProperties, tagKeysOf, withTypedTokens } from "./tokens";

const KEYS = new Set(["status"]);
const text = (value: string) => where("text", "contains", value);

test("a token that is typed as text is that token", () => {
  expect(withTypedTokens(text("status!=Failed"), KEYS, true)).toEqual(where("status", "ne", "Failed"));
  expect(withTypedTokens(text("tag:env=prod"), KEYS, true)).toEqual(where("tag:env", "eq", "prod"));
  expect(withTypedTokens(text("tag:env"), KEYS, true)).toEqual(where("tag:env", "prefix", ""));
});

test("what names no key of the list stays text", () => {
  for (const words of ["tag: first draft", "colour=red", "uptime"]) expect(withTypedTokens(text(words), KEYS, true)).toEqual(text(words));
  expect(withTypedTokens(text("tag:env=prod"), KEYS, false)).toEqual(text("tag:env=prod"));
});

test("a filter's tags are named once", () => {
  expect(tagKeysOf(filterFromText("tag:env=a tag:env=b web tag:team"))).toEqual(["env", "team"]);
});

test("keys that a list does not have are shown as they are written, each once", () => {
  const filter = filterFromText("status=Failed bogus=1 bogus!=2 uptime tag:env=prod");
  expect(strangeProperties(filter, [{ key: "status" }, { key: "tag:env" }], "Values").map(({ key, propertyLabel }) => [key, propertyLabel])).toEqual([["bogus", "bogus"]]);
  expect(strangeProperties(filter, [{ key: "status" }], "Values").map(({ key }) => key)).toEqual(["bogus", "tag:env"]);
});
