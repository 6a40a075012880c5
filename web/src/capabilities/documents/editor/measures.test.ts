import { expect, test } from "vitest";
import { placeOf } from "./measures";

const anchor = { left: 100, top: 410, height: 500 };

test("a list stands below its word while there is room, else above it", () => {
  expect(placeOf(anchor, { left: 0, top: 0 }, 1)).toEqual({ left: 100, top: 430 });
  expect(placeOf(anchor, { left: 0, top: 0 }, 8)).toEqual({ left: 100, top: 410 - 9 * 28 });
  expect(placeOf(anchor, { left: 20, top: 300 }, 8)).toEqual({ left: 80, top: 130 });
});
