import { expect, test } from "vitest";
import { filterFromText, where } from "@/platform/filter";
import { tagKeysOf, withTypedTags } from "./tokens";

test("a tag that is typed as text is a tag", () => {
  expect(withTypedTags(where("text", "contains", "tag:env=prod"))).toEqual(where("tag:env", "eq", "prod"));
  expect(withTypedTags(where("text", "contains", "tag:env"))).toEqual(where("tag:env", "prefix", ""));
  expect(withTypedTags(where("text", "contains", "tag: first draft"))).toEqual(where("text", "contains", "tag: first draft"));
});

test("a filter's tags are named once", () => {
  expect(tagKeysOf(filterFromText("tag:env=a tag:env=b web tag:team"))).toEqual(["env", "team"]);
});
