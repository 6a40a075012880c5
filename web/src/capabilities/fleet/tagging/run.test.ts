import { expect, it, vi } from "vitest";
import { ApiError } from "@/platform/errors";
import type { Change } from "./plan";
import { makeChanges } from "./run";

const change = (id: number): Change => ({ id: `mi-${id}`, name: `n${id}`, set: [], remove: [], before: new Map() });
const CHANGES = Array.from({ length: 9 }, (_, id) => change(id));
const options = () => ({ parallel: 3, signal: new AbortController().signal, onProgress: vi.fn() });

it("goes on after an error of one node and says which", async () => {
  const told = options();
  const outcome = await makeChanges(CHANGES, async ({ id }) => {
    if (id === "mi-4") throw new ApiError("InvalidResourceId", "gone");
  }, told);
  expect(outcome.made).toHaveLength(8);
  expect(outcome.failed.map(({ change: { id } }) => id)).toEqual(["mi-4"]);
  expect(told.onProgress).toHaveBeenLastCalledWith(9);
});

it("tries the first node alone and ends when the tag itself is refused", async () => {
  const make = vi.fn(() => Promise.reject(new ApiError("ValidationException", "tag key")));
  const outcome = await makeChanges(CHANGES, make, options());
  expect(make).toHaveBeenCalledOnce();
  expect(outcome.failed).toHaveLength(1);
  expect(outcome.left).toHaveLength(8);
});

it("never has more than so many in work", async () => {
  let now = 0;
  let most = 0;
  await makeChanges(CHANGES, async () => {
    now += 1;
    most = Math.max(most, now);
    await Promise.resolve();
    now -= 1;
  }, options());
  expect(most).toBe(3);
});

it("leaves the rest when it is stopped", async () => {
  const stop = new AbortController();
  const outcome = await makeChanges(CHANGES, async ({ id }) => {
    if (id === "mi-2") stop.abort();
  }, { ...options(), parallel: 1, signal: stop.signal });
  expect(outcome.made).toHaveLength(3);
  expect(outcome.left).toHaveLength(6);
});
