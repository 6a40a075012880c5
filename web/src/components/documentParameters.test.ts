import { describe, expect, it } from "vitest";
import { type ParameterSpec, givenOf, problemOf, shownValue, specsOf } from "./documentParameters";

const CONTENT = JSON.stringify({
  schemaVersion: "2.2",
  parameters: {
    unit: { type: "String", description: "Which unit", allowedPattern: "[a-z]+" },
    lines: { type: "StringList", default: ["a", "b"] },
    count: { type: "Integer", default: 3, allowedValues: [1, 3] },
    really: { type: "Boolean", default: false },
    map: { type: "StringMap", default: { a: "b" } },
    maps: { type: "MapList", default: [] },
  },
});

const specs = specsOf(CONTENT);
const spec = (name: string) => specs.find((one) => one.name === name) as ParameterSpec;

describe("parameters of a document", () => {
  it("are read in their order, with their defaults as text", () => {
    expect(specs.map(({ name, start }) => [name, start])).toEqual([
      ["unit", undefined],
      ["lines", "a\nb"],
      ["count", "3"],
      ["really", "false"],
      ["map", '{\n  "a": "b"\n}'],
      ["maps", "[]"],
    ]);
    expect(spec("count").allowed).toEqual(["1", "3"]);
    expect(specsOf('{"schemaVersion":"2.2"}')).toEqual([]);
  });

  it("show what was typed, else the default", () => {
    expect(shownValue(spec("lines"), {})).toBe("a\nb");
    expect(shownValue(spec("lines"), { lines: "" })).toBe("");
    expect(shownValue(spec("unit"), {})).toBe("");
  });

  it.each<[string, string, string | undefined]>([
    ["unit", " ", "missing"],
    ["lines", "", undefined],
    ["count", "three", "number"],
    ["count", "-3", undefined],
    ["map", "[]", "object"],
    ["map", "{", "object"],
    ["maps", '[{"a":1}]', undefined],
    ["maps", "[1]", "list"],
  ])("%s: “%s” is judged", (name, text, problem) => {
    expect(problemOf(spec(name), text)).toBe(problem);
  });

  it("are sent as lists of texts, and only when they differ from the default", () => {
    const values = { unit: "ssh", lines: "a\r\nc\n", count: " 1 ", really: "false", map: '{"x": "y"}', maps: '[{"a": 1}, {}]' };
    expect(givenOf(specs, values)).toEqual({ unit: ["ssh"], lines: ["a", "c"], count: ["1"], map: ['{"x": "y"}'], maps: ['{"a":1}', "{}"] });
  });
});
