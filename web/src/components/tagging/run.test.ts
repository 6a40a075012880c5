import { expect, it, vi } from "vitest";
import { ApiError } from "@/platform/errors";
import { type Change, keyOf } from "./plan";
import { type Make, makeChanges } from "./run";

const change = (id: number): Change => ({ type: "Parameter", id: `/p${id}`, name: `p${id}`, set: [], remove: [], before: new Map() });
const CHANGES = Array.from({ length: 9 }, (_, id) => change(id));
const options = () => ({ batch: 2, parallel: 3, signal: new AbortController().signal, onProgress: vi.fn() });
const nothingRefused: Make = () => Promise.resolve(new Map());

it("sends batches and goes on after what one resource was refused", async () => {
  const told = options();
  const make = vi.fn<Make>((batch) => Promise.resolve(new Map(batch.filter(({ id }) => id === "/p4").map((one) => [keyOf(one), new Error("gone")]))));
  const outcome = await makeChanges(CHANGES, make, told);
  expect(make.mock.calls.map(([batch]) => batch.length)).toEqual([2, 2, 2, 2, 1]);
  expect(outcome.made).toHaveLength(8);
  expect(outcome.failed.map(({ change: { id } }) => id)).toEqual(["/p4"]);
  expect(told.onProgress).toHaveBeenLastCalledWith(9);
});

it("goes on after a request that failed", async () => {
  const outcome = await makeChanges(
    CHANGES,
    (batch) => (batch[0]?.id === "/p2" ? Promise.reject(new ApiError("ServiceUnavailableException", "later")) : nothingRefused(batch)),
    options(),
  );
  expect(outcome.made).toHaveLength(7);
  expect(outcome.failed.map(({ change: { id } }) => id)).toEqual(["/p2", "/p3"]);
});

it("tries the first batch alone and ends when the tag itself is refused, which is said once", async () => {
  const make = vi.fn<Make>(() => Promise.reject(new ApiError("ValidationException", "tag key")));
  const outcome = await makeChanges(CHANGES, make, options());
  expect(make).toHaveBeenCalledOnce();
  expect(outcome.failed).toHaveLength(1);
  expect(outcome.left).toHaveLength(8);
});

it("never has more than so many requests in work", async () => {
  let now = 0;
  let most = 0;
  await makeChanges(
    CHANGES,
    async () => {
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      now -= 1;
      return new Map();
    },
    options(),
  );
  expect(most).toBe(3);
});

it("leaves the rest when it is stopped", async () => {
  const stop = new AbortController();
  const make: Make = (batch) => {
    if (batch[0]?.id === "/p2") stop.abort();
    return nothingRefused(batch);
  };
  const outcome = await makeChanges(CHANGES, make, { ...options(), parallel: 1, signal: stop.signal });
  expect(outcome.made).toHaveLength(4);
  expect(outcome.left).toHaveLength(5);
});
