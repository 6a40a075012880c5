import { expect, test } from "vitest";
import { filterFromText } from "@/platform/filter";
import { filtersOf, parametersBelow, pathsTo, withOneOperator } from "./tokens";

test("tokens become upstream's filters, each key once", () => {
  expect(filtersOf(filterFromText("path^/app type=String type=StringList tag:env=prod tag:team"))).toEqual([
    { Key: "Path", Option: "Recursive", Values: ["/app"] },
    { Key: "Type", Option: "Equals", Values: ["String", "StringList"] },
    { Key: "tag:env", Option: "Equals", Values: ["prod"] },
    { Key: "tag:team", Option: "Equals", Values: [] },
  ]);
});

test("of two operators on one key the last one stays", () => {
  const filter = withOneOperator(filterFromText("name=/app/a type=String name^/app"));
  expect(filtersOf(filter)).toEqual([
    { Key: "Type", Option: "Equals", Values: ["String"] },
    { Key: "Name", Option: "BeginsWith", Values: ["/app"] },
  ]);
});

test("a bare word is looked for in the name", () => {
  expect(filtersOf(filterFromText("db"))).toEqual([{ Key: "Name", Option: "Contains", Values: ["db"] }]);
});

test("a name knows the paths above it", () => {
  expect(pathsTo("/a/b/c")).toEqual(["/a", "/a/b"]);
  expect(pathsTo("plain")).toEqual([]);
  expect(parametersBelow("/a")).toBe("/parameters?filter=path%5E%2Fa");
});
