import { describe, expect, it } from "vitest";
import type { LogEvent } from "@/platform/types";
import { BATCH, type SearchAnswer, type StreamAnswer, lastOf, onlyNew, readStream, runsOf, search } from "./lines";
import { partsOf } from "./streamName";

const line = (id: string, stream = "c/n/s/stdout", timestamp = 5): LogEvent => ({ eventId: id, logStreamName: stream, message: id, timestamp, ingestionTime: timestamp });
const many = (count: number) => Array.from({ length: count }, (_, at) => line(String(at)));

/** Answers these one after the other, then nothing more, but never the end. */
const answers = (list: SearchAnswer[]) => {
  const asked: [string | undefined, number][] = [];
  const ask = (token: string | undefined, limit: number) => {
    asked.push([token, limit]);
    return Promise.resolve(list[asked.length - 1] ?? { events: [], nextToken: "more" });
  };
  return { ask, asked };
};

describe("a search", () => {
  it("goes on behind pages that are empty, to the end", async () => {
    const { ask, asked } = answers([{ events: [], nextToken: "1" }, { events: [line("a")], nextToken: "2" }, { events: [line("b")] }]);
    expect(await search(ask, undefined)).toEqual({ events: [line("a"), line("b")] });
    expect(asked).toEqual([[undefined, BATCH], ["1", BATCH], ["2", BATCH - 1]]);
  });

  it("stops when it has enough, and says where to go on", async () => {
    const { ask, asked } = answers([{ events: many(BATCH), nextToken: "1" }]);
    expect((await search(ask, "0")).next).toBe("1");
    expect(asked).toHaveLength(1);
  });

  it("gives up for once when nothing comes for long", async () => {
    const { ask, asked } = answers([]);
    expect(await search(ask, undefined)).toEqual({ events: [], next: "more" });
    expect(asked.length).toBeLessThan(50);
  });
});

describe("a stream", () => {
  const stored = Array.from({ length: BATCH + 50 }, (_, at) => ({ message: String(at), timestamp: 5, ingestionTime: 5 }));
  /** Hands out at most a hundred lines at a time; a token is the place of the next line. */
  const ask = (token: string | undefined, limit: number): Promise<StreamAnswer> => {
    const [way, at] = (token ?? "f/0").split("/");
    const most = Math.min(limit, 100);
    const from = way === "f" ? Number(at) : Math.max(Number(at) - most, 0);
    const until = way === "f" ? Math.min(from + most, stored.length) : Number(at);
    return Promise.resolve({ events: stored.slice(from, until), nextForwardToken: `f/${until}`, nextBackwardToken: `b/${from}` });
  };

  it("is read from its beginning to its end", async () => {
    const first = await readStream(ask, undefined, "later");
    expect(first).toEqual({ events: stored.slice(0, BATCH), later: `f/${BATCH}` });
    expect(await readStream(ask, first.later, "later")).toEqual({ events: stored.slice(BATCH) });
  });

  it("is read backwards in its own order", async () => {
    const last = await readStream(ask, `b/${stored.length}`, "earlier");
    expect(last).toEqual({ events: stored.slice(50), earlier: "b/50" });
    expect(await readStream(ask, last.earlier, "earlier")).toEqual({ events: stored.slice(0, 50) });
  });

  it("has a name that says whose output it is", () => {
    expect(partsOf("c/mi-1/install/stderr")).toEqual({ command: "c", node: "mi-1", step: "install", stream: "stderr" });
  });
});

describe("lines on the page", () => {
  it("stand under their stream as long as it stays the same", () => {
    const runs = runsOf([line("1", "a"), line("2", "a"), line("3", "b"), line("4", "a")]);
    expect(runs.map(({ stream, events }) => [stream, events.length])).toEqual([["a", 2], ["b", 1], ["a", 1]]);
  });

  it("stand there once, however often they came", () => {
    expect(onlyNew([[line("a"), line("b")], [line("b"), line("c")]])).toEqual([[line("a"), line("b")], [line("c")]]);
  });

  it("leave it at the front when they are too many", () => {
    const { batches, dropped } = lastOf([many(3), many(2)], 4);
    expect(batches.map((events) => events.map(({ message }) => message))).toEqual([["1", "2"], ["0", "1"]]);
    expect(dropped).toBe(1);
  });
});
