import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, formatMoment, formatRelative, formatTime, formatTimeTitle } from "./time";

const AT = Date.UTC(2026, 10, 22, 5, 4, 3) / 1000;

describe("times", () => {
  it("are short where many stand together", () => {
    expect(formatMoment(AT, "en", "UTC")).toBe("Nov 22, 05:04:03");
    expect(formatMoment(AT, "ja", "Asia/Tokyo")).toBe("11月22日 14:04:03");
  });

  it("are shown with their zone", () => {
    expect(formatTime(AT, "en", "UTC")).toBe("Nov 22, 2026, 05:04:03 UTC");
    expect(formatTime(AT, "ja", "Asia/Tokyo")).toContain("14:04:03");
    expect(formatTime(AT, "ja", "Asia/Tokyo")).toMatch(/JST|GMT\+9/);
  });

  it("have UTC in their hover text", () => {
    expect(formatTimeTitle(AT, "en", "Asia/Tokyo")).toMatch(/\n2026-11-22 05:04:03 UTC$/);
  });

  it.each<[number, string]>([
    [-2, "now"],
    [-59, "59 seconds ago"],
    [-61, "1 minute ago"],
    [-7300, "2 hours ago"],
    [-86_400, "yesterday"],
    [7200, "in 2 hours"],
  ])("%d s away reads %s", (distance, text) => {
    expect(formatRelative(AT + distance, AT, "en")).toBe(text);
  });
});

describe("durations and sizes", () => {
  it.each<[number, string]>([
    [0, "0 sec"],
    [0.0004, "1 ms"],
    [0.42, "420 ms"],
    [1.42, "1.4 sec"],
    [59, "59 sec"],
    [61, "1 min 1 sec"],
    [3600, "1 hr"],
    [90_000, "1 day 1 hr"],
  ])("%d s reads %s", (seconds, text) => {
    expect(formatDuration(seconds, "en")).toBe(text);
  });

  it.each<[number, string]>([
    [0, "0 B"],
    [1023, "1,023 B"],
    [1536, "1.5 KiB"],
    [5_368_709_120, "5 GiB"],
  ])("%d bytes read %s", (bytes, text) => {
    expect(formatBytes(bytes, "en")).toBe(text);
  });
});
