import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Reach } from "./reach";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("says nothing of a short silence", async () => {
  const reach = new Reach(() => Promise.resolve(true));
  const told = vi.fn();
  reach.whenBack(told);
  reach.silent();
  await vi.advanceTimersByTimeAsync(1100);
  expect(reach.isLost).toBe(false);
  expect(reach.isAnswering).toBe(true);
  expect(told).toHaveBeenCalledOnce();
});

it("asks ever more rarely and tells once when the hub is back", async () => {
  let isThere = false;
  const ask = vi.fn(() => Promise.resolve(isThere));
  const reach = new Reach(ask);
  const told = vi.fn();
  reach.whenBack(told);
  reach.silent();
  reach.silent();
  await vi.advanceTimersByTimeAsync(7100);
  expect(reach.isLost).toBe(true);
  expect(ask).toHaveBeenCalledTimes(3);
  isThere = true;
  await vi.advanceTimersByTimeAsync(8100);
  expect(reach.isLost).toBe(false);
  expect(told).toHaveBeenCalledOnce();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ask).toHaveBeenCalledTimes(4);
});
