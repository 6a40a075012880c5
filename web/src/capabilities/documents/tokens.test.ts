import { expect, test } from "vitest";
import { filterFromText, filterToText } from "@/platform/filter";
import { filtersOf, withOneOwner } from "./tokens";

test("tokens become upstream's filters: alternatives of a key together, words one by one", () => {
  expect(filtersOf(filterFromText("document_type=Command document_type=Session owner=Self restart unit tag:env=prod tag:team"))).toEqual([
    { Key: "DocumentType", Values: ["Command", "Session"] },
    { Key: "Owner", Values: ["Self"] },
    { Key: "tag:env", Values: ["prod"] },
    { Key: "tag:team", Values: [] },
    { Key: "SearchKeyword", Values: ["restart"] },
    { Key: "SearchKeyword", Values: ["unit"] },
  ]);
});

test("of two owners the last one stays", () => {
  expect(filterToText(withOneOwner(filterFromText("owner=Self web owner=Amazon")))).toBe("web owner=Amazon");
});
