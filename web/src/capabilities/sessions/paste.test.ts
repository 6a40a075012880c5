import { expect, it } from "vitest";
import { needsGuard, pastedLines } from "./paste";

it("lets a single line without a line break through", () => {
  expect(needsGuard("ls -la")).toBe(false);
  expect(needsGuard("ls\n")).toBe(true);
  expect(needsGuard("a\r\nb")).toBe(true);
});

it.each<[string, number]>([
  ["a", 1],
  ["a\n", 1],
  ["a\r\nb\rc\n", 3],
])("%j has %d lines", (text, count) => {
  expect(pastedLines(text)).toBe(count);
});
