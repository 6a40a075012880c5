import { describe, expect, it } from "vitest";
import { filterFromText, filterToText } from "./filter";
import type { Filter } from "./types";

const and = (...Terms: Filter["Terms"]): Filter => ({ Join: "and", Terms });

describe("filter text", () => {
  it.each<[string, Filter]>([
    ["status=online", and({ Key: "status", Op: "eq", Value: "online" })],
    ["name^web- platform!=debian", and({ Key: "name", Op: "prefix", Value: "web-" }, { Key: "platform", Op: "ne", Value: "debian" })],
    ["tag:Env=prod", and({ Key: "tag:Env", Op: "eq", Value: "prod" })],
    ["tag:Env!:prod", and({ Key: "tag:Env", Op: "ncontains", Value: "prod" })],
    ['tag:"Cost: centre"="a b"', and({ Key: "tag:Cost: centre", Op: "eq", Value: "a b" })],
    ["tag:Env^", and({ Key: "tag:Env", Op: "prefix", Value: "" })],
    ["version>=12", and({ Key: "version", Op: "ge", Value: "12" })],
    ["web", and({ Key: "text", Op: "contains", Value: "web" })],
    ['"two words"', and({ Key: "text", Op: "contains", Value: "two words" })],
    ['"a=b"', and({ Key: "text", Op: "contains", Value: "a=b" })],
    ["text!:web", and({ Key: "text", Op: "ncontains", Value: "web" })],
    ["name=C:\\dir", and({ Key: "name", Op: "eq", Value: "C:\\dir" })],
    ['name="say \\"hi\\""', and({ Key: "name", Op: "eq", Value: 'say "hi"' })],
    ["address=fe80::1", and({ Key: "address", Op: "eq", Value: "fe80::1" })],
    ["a=1 or b=2", { Join: "or", Terms: [{ Key: "a", Op: "eq", Value: "1" }, { Key: "b", Op: "eq", Value: "2" }] }],
    ["", and()],
  ])("%s reads and writes back", (text, filter) => {
    expect(filterFromText(text)).toEqual(filter);
    expect(filterToText(filter)).toBe(text);
  });

  it("keeps the word `or` as a value when it is quoted", () => {
    const filter = and({ Key: "text", Op: "contains", Value: "or" });
    expect(filterFromText(filterToText(filter))).toEqual(filter);
  });

  it("reads a tag without a value as: the tag is there", () => {
    expect(filterFromText("tag:Env")).toEqual(and({ Key: "tag:Env", Op: "prefix", Value: "" }));
  });

  it("reads a half-typed quote without losing the rest", () => {
    expect(filterFromText('name="web 1')).toEqual(and({ Key: "name", Op: "eq", Value: "web 1" }));
  });
});
