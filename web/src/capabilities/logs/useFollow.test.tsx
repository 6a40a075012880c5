import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { useFollow } from "./useFollow";

const MINUTE = 60_000;
const search = { group: "g", pattern: "", prefix: "" };

interface Line {
  eventId: string;
  timestamp: number;
}

let lines: Line[] = [];
let asked: { startTime: number }[] = [];
let visibility: DocumentVisibilityState = "visible";

beforeEach(() => {
  lines = [];
  asked = [];
  visibility = "visible";
  vi.useFakeTimers();
  vi.spyOn(document, "visibilityState", "get").mockImplementation(() => visibility);
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => new Response(JSON.stringify(answer(init))));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function answer(init: RequestInit): object {
  if (new Headers(init.headers).get("X-Amz-Target") === "Logs_20140328.DescribeLogStreams") {
    return { logStreams: lines.length === 0 ? [] : [{ lastEventTimestamp: Math.max(...lines.map(({ timestamp }) => timestamp)) }] };
  }
  const request = JSON.parse(String(init.body)) as { startTime: number };
  asked.push(request);
  const events = lines.filter(({ timestamp }) => timestamp >= request.startTime);
  return { events: events.map((line) => ({ ...line, logStreamName: "c/n/s/stdout", message: line.eventId, ingestionTime: line.timestamp })) };
}

const follow = (newest: number | undefined) => renderHook(() => useFollow({ search, from: undefined, newest, isOn: true }));
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const become = (state: DocumentVisibilityState) =>
  act(async () => {
    visibility = state;
    document.dispatchEvent(new Event("visibilitychange"));
    await vi.advanceTimersByTimeAsync(0);
  });

it("brings each new line once, and asks a little further back than the last one", async () => {
  lines = [{ eventId: "a", timestamp: 10 * MINUTE }];
  const { result } = follow(10 * MINUTE);
  await pass(100);
  lines = [...lines, { eventId: "b", timestamp: 12 * MINUTE }];
  await pass(10_000);
  expect(result.current.batches.flat().map(({ eventId }) => eventId)).toEqual(["a", "b"]);
  expect(asked[0]?.startTime).toBe(9 * MINUTE);
  expect(asked.at(-1)?.startTime).toBe(11 * MINUTE);
});

it("begins with the latest lines where the way to them was not read", async () => {
  lines = [{ eventId: "old", timestamp: 1 * MINUTE }, { eventId: "new", timestamp: 50 * MINUTE }];
  const { result } = follow(undefined);
  await pass(100);
  expect(result.current.batches.flat().map(({ eventId }) => eventId)).toEqual(["new"]);
});

it("asks nothing while nobody can see it, and misses nothing", async () => {
  lines = [{ eventId: "a", timestamp: 10 * MINUTE }];
  const { result } = follow(10 * MINUTE);
  await pass(100);
  await become("hidden");
  const before = asked.length;
  await pass(10 * MINUTE);
  expect(asked.length).toBe(before);
  lines = [...lines, { eventId: "b", timestamp: 11 * MINUTE }, { eventId: "c", timestamp: 19 * MINUTE }];
  await become("visible");
  await pass(100);
  expect(result.current.batches.flat().map(({ eventId }) => eventId)).toEqual(["a", "b", "c"]);
});
