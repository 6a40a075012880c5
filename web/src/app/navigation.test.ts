import { expect, it } from "vitest";
import { ALL_ENTRIES } from "./navigation";

it("gives every key to one page", () => {
  const keys = ALL_ENTRIES.flatMap(({ key }) => key ?? []);
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});

it("lists every page once", () => {
  const paths = ALL_ENTRIES.map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
});
