import { expect, it } from "vitest";
import { safeNext, tokenFromFragment } from "./rules";

it.each<[string | null, string]>([
  [null, "/"],
  ["/nodes?filter=a", "/nodes?filter=a"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["https://evil.example", "/"],
  ["/login", "/"],
])("after login %s leads to %s", (next, path) => {
  expect(safeNext(next)).toBe(path);
});

it("finds the token in the fragment", () => {
  expect(tokenFromFragment("#token=abc-_9")).toBe("abc-_9");
  expect(tokenFromFragment("")).toBeUndefined();
});
