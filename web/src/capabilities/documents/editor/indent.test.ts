import { expect, test } from "vitest";
import { newLine } from "./indent";

const after = (line: string, format = "YAML") => newLine(`first: 1\n${line}`, `first: 1\n${line}`.length, format);

test("YAML: below a member stands the next one, below one that opens something what it holds", () => {
  expect(after("  name: greet")).toBe("\n  ");
  expect(after("  - name: greet")).toBe("\n    ");
  expect(after("  inputs:")).toBe("\n    ");
  expect(after("  - inputs:")).toBe("\n      ");
  expect(after("    - |")).toBe("\n      ");
  expect(after("    - echo hello")).toBe("\n    ");
  expect(after("")).toBe("\n");
});

test("JSON and plain text", () => {
  expect(after('  "inputs": {', "JSON")).toBe("\n    ");
  expect(after('  "a": 1,', "JSON")).toBe("\n  ");
  expect(after("  plain", "TEXT")).toBe("\n");
});
