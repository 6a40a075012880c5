import { beforeEach, expect, test } from "vitest";
import { PieceMissing, piece, reloads, remedyOf } from "./code";
import { ApiError } from "./errors";

beforeEach(() => sessionStorage.clear());

const failing = () => Promise.reject(new TypeError("Failed to fetch dynamically imported module"));
const errorOf = (isHubThere: boolean) => piece(failing, () => Promise.resolve(isHubThere)).catch((error: unknown) => error);

test("a piece that comes is handed on, and nobody is asked", async () => {
  expect(await piece(() => Promise.resolve("page"), () => Promise.reject(new Error("asked")))).toBe("page");
});

test("while the hub is silent a page waits for it, however often", async () => {
  const error = await errorOf(false);
  expect(error).toBeInstanceOf(ApiError);
  expect(remedyOf(error, false)).toBe("wait");
  expect(remedyOf(error, true)).toBe("wait");
});

test("a hub that has no such piece has another console: it is loaded anew once", async () => {
  const error = await errorOf(true);
  expect(error).toBeInstanceOf(PieceMissing);
  expect(remedyOf(error, false)).toBe("reload");
  expect(remedyOf(error, true)).toBe("tell");
});

test("any other error is told", () => {
  expect(remedyOf(new Error("undefined is not a function"), false)).toBe("tell");
  expect(remedyOf(new ApiError("AccessDeniedException", "no"), false)).toBe("tell");
});

test("a reload is remembered for a minute", () => {
  expect(reloads.isRecent(1_000_000)).toBe(false);
  reloads.remember(1_000_000);
  expect(reloads.isRecent(1_030_000)).toBe(true);
  expect(reloads.isRecent(1_060_000)).toBe(false);
});
