import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "@/platform/errors";
import { live } from "@/platform/live";
import type { NodeOutputEvent } from "./NodeReader";
import { OutputsFollower, type Wish } from "./OutputsFollower";
import { FOLLOWED_MOST } from "./roster";

interface Subscription {
  args: () => object;
  onEvent: (event: unknown) => void;
  onError: (error: ApiError) => void;
}

interface Followed {
  node: string;
  wish: Subscription;
}

/** A hub with so many nodes, all of them running or all ended; and what is followed of them now. */
let open: Followed[] = [];
let requests = 0;

beforeEach(() => {
  vi.useFakeTimers();
  open = [];
  requests = 0;
  vi.spyOn(live, "subscribe").mockImplementation((wish) => {
    const one = { node: (wish.args() as { NodeId: string }).NodeId, wish };
    open.push(one);
    return () => {
      open = open.filter((other) => other !== one);
    };
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function serve(count: number, status: string): void {
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    requests += 1;
    const { Status, NextToken, MaxResults } = JSON.parse(String(init.body)) as { Status: string[]; NextToken?: string; MaxResults: number };
    const from = Number(NextToken ?? 0);
    const all = Status.includes(status) ? count : 0;
    const page = Array.from({ length: Math.min(MaxResults, Math.max(all - from, 0)) }, (__, at) => ({
      NodeId: `mi-${from + at}`,
      Name: `n${from + at}`,
      StatusDetails: status,
      StdoutBytes: 5,
      StderrBytes: 0,
    }));
    const next = from + page.length;
    return Response.json({ Invocations: page, ...(next < all ? { NextToken: String(next) } : {}) });
  });
}

const tell = (node: string, event: NodeOutputEvent) => open.find((one) => one.node === node)?.wish.onEvent(event);
const line = (text: string): NodeOutputEvent => ({ Step: 0, Stream: "stdout", Text: `${text}\n`, NextOffset: text.length + 1 });
const texts = ({ followed }: OutputsFollower) => followed.kept.blocks.flatMap(({ lines }) => lines.map(({ nodeId, text }) => `${nodeId} ${text}`));

function follow(wish: Partial<Wish> = {}): OutputsFollower {
  const follower = new OutputsFollower({ commandId: "c", choice: "all", chosen: [], ...wish });
  follower.start();
  return follower;
}

it("follows some of ten thousand nodes, with few requests, and the next as these end", async () => {
  serve(10_000, "InProgress");
  const follower = follow();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(open).toHaveLength(FOLLOWED_MOST);
  expect(requests).toBeLessThan(5);
  for (const { node } of [...open].slice(0, 10)) tell(node, { End: true, StatusDetails: "Success" });
  await vi.advanceTimersByTimeAsync(3000);
  expect(open).toHaveLength(FOLLOWED_MOST);
  expect(open.map(({ node }) => node)).toContain("mi-59");
  expect(follower.followed).toMatchObject({ following: FOLLOWED_MOST, read: 10, isDone: false });
  expect(requests).toBeLessThan(12);
});

it("puts the lines of all nodes together as they come, and goes on where it was cut off", async () => {
  serve(2, "InProgress");
  const follower = follow();
  await vi.advanceTimersByTimeAsync(1000);
  tell("mi-0", line("first"));
  tell("mi-1", line("second"));
  tell("mi-0", { Step: 1, Stream: "stderr", Text: "no end", NextOffset: 6 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(texts(follower)).toEqual(["mi-0 first", "mi-1 second"]);
  expect(open[0]?.wish.args()).toEqual({
    CommandId: "c",
    NodeId: "mi-0",
    From: [
      { Step: 0, Stream: "stdout", Offset: 6 },
      { Step: 1, Stream: "stderr", Offset: 6 },
    ],
  });
  tell("mi-0", { End: true, StatusDetails: "Failed" });
  await vi.advanceTimersByTimeAsync(1000);
  expect(texts(follower).slice(2)).toEqual(["mi-0 no end", "mi-0 "]);
  expect(follower.followed.kept.blocks[0]?.lines.at(-1)?.note).toEqual({ kind: "ended", status: "Failed" });
});

it("keeps what it has when the command is over, and is done when all was read", async () => {
  serve(2, "Success");
  const follower = follow();
  follower.told(true, 2);
  await vi.advanceTimersByTimeAsync(2000);
  tell("mi-0", line("a"));
  for (const node of ["mi-0", "mi-1"]) tell(node, { End: true, StatusDetails: "Success" });
  await vi.advanceTimersByTimeAsync(5000);
  expect(follower.followed).toMatchObject({ isDone: true, read: 2 });
  expect(texts(follower)).toEqual(["mi-0 a"]);
  const before = requests;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(requests).toBe(before);
});

it("reads no further nodes of a command that is over once they would push out the others", async () => {
  serve(1000, "Success");
  const follower = follow();
  follower.told(true, 2);
  for (let round = 0; round < 4; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one round after the other
    await vi.advanceTimersByTimeAsync(1000);
    for (const { node } of open) {
      tell(node, { Step: 0, Stream: "stdout", Text: "x\n".repeat(200), NextOffset: 400 });
      tell(node, { End: true, StatusDetails: "Success" });
    }
  }
  await vi.advanceTimersByTimeAsync(5000);
  expect(follower.followed.isDone).toBe(true);
  expect(follower.followed.read).toBeLessThan(200);
});

it("follows those that were chosen without looking for any", async () => {
  serve(10, "InProgress");
  follow({ choice: "chosen", chosen: ["mi-7"] });
  await vi.advanceTimersByTimeAsync(5000);
  expect(open.map(({ node }) => node)).toEqual(["mi-7"]);
  expect(requests).toBe(0);
});

it("says of a node that it cannot be followed, and gives up where none can", async () => {
  serve(10_000, "InProgress");
  const follower = follow();
  const denied = new ApiError("AccessDeniedException", "no");
  await vi.advanceTimersByTimeAsync(1000);
  open[0]?.wish.onError(denied);
  await vi.advanceTimersByTimeAsync(1000);
  expect(follower.followed).toMatchObject({ read: 1, error: undefined });
  for (let left = 60; left > 0; left--) open[0]?.wish.onError(denied);
  await vi.advanceTimersByTimeAsync(5000);
  expect(follower.followed.error).toBe(denied);
  const before = requests;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(requests).toBe(before);
});

it("stops everything when it is left", async () => {
  serve(10, "InProgress");
  const follower = new OutputsFollower({ commandId: "c", choice: "all", chosen: [] });
  const stop = follower.start();
  await vi.advanceTimersByTimeAsync(1000);
  expect(open).toHaveLength(10);
  stop();
  const before = requests;
  await vi.advanceTimersByTimeAsync(60_000);
  expect([open.length, requests]).toEqual([0, before]);
});
