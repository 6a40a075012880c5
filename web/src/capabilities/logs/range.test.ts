import { describe, expect, it } from "vitest";
import { type Range, defaultRange, isOpen, paramsOfRange, rangeFromParams, timesOf } from "./range";

const HOUR = 3_600_000;
const NOW = 1_790_000_000_000;

describe("the times of a search", () => {
  it.each<[Range]>([["all"], [{ amount: 15, unit: "minute" }], [{ amount: 2, unit: "week" }], [{ from: "2026-11-01T00:00:00+09:00", until: "2026-11-02T00:00:00+09:00" }]])(
    "%j comes back from the address",
    (range) => {
      const params = new URLSearchParams();
      for (const [name, value] of Object.entries(paramsOfRange(range))) if (value !== undefined) params.set(name, value);
      expect(rangeFromParams(params)).toEqual(range);
    },
  );

  it.each(["", "since=1y", "since=0h", "since=-1h", "from=2026-11-01", "from=x&until=y"])("“%s” says nothing about them", (text) => {
    expect(rangeFromParams(new URLSearchParams(text))).toBeUndefined();
  });

  it.each<[number | undefined, Range]>([
    [undefined, { amount: 1, unit: "hour" }],
    [NOW - HOUR / 2, { amount: 1, unit: "hour" }],
    [NOW - 2 * HOUR, { amount: 24, unit: "hour" }],
    [NOW - 30 * HOUR, { amount: 7, unit: "day" }],
    [NOW - 200 * HOUR, "all"],
  ])("reach back to the latest lines at %s", (latest, range) => {
    expect(defaultRange(latest, NOW)).toEqual(range);
  });

  it("are epoch milliseconds, and none where all is meant", () => {
    expect(timesOf("all", NOW)).toEqual({});
    expect(timesOf({ amount: 2, unit: "hour" }, NOW)).toEqual({ startTime: NOW - 2 * HOUR });
    expect(timesOf({ amount: 99_999, unit: "week" }, NOW)).toEqual({ startTime: 0 });
    expect(timesOf({ from: "1970-01-01T00:00:01Z", until: "1970-01-01T00:00:02Z" }, NOW)).toEqual({ startTime: 1000, endTime: 2000 });
  });

  it("are open at the end unless an end was named", () => {
    expect(isOpen("all") && isOpen({ amount: 1, unit: "hour" })).toBe(true);
    expect(isOpen({ from: "2026-11-01T00:00:00Z", until: "2026-11-02T00:00:00Z" })).toBe(false);
  });
});
