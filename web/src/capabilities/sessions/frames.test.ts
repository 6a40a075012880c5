import { describe, expect, it } from "vitest";
import { inputFrames, parseFrame, resizeFrame, unseen } from "./frames";

const bytes = (...values: number[]) => new Uint8Array(values);

describe("session frames", () => {
  it("cut long input into pieces that lose nothing", () => {
    const input = new Uint8Array(70_000).map((_, index) => index % 251);
    const frames = inputFrames(input);
    expect(frames.every((frame) => frame[0] === 1 && frame.length <= 64 * 1024)).toBe(true);
    expect(frames.flatMap((frame) => [...frame.subarray(1)])).toEqual([...input]);
  });

  it("carry the size as JSON", () => {
    const frame = resizeFrame(120, 40);
    expect(frame[0]).toBe(2);
    expect(JSON.parse(new TextDecoder().decode(frame.subarray(1)))).toEqual({ cols: 120, rows: 40 });
  });

  it("read output with its absolute offset", () => {
    const message = bytes(17, 0, 0, 0, 1, 0, 0, 0, 5, 104, 105);
    const down = parseFrame(message.buffer);
    expect(down).toEqual({ kind: "output", offset: 4_294_967_301, bytes: bytes(104, 105) });
  });

  it("read the end with its reason", () => {
    const json = new TextEncoder().encode('{"reason":"Exited","exit_code":3,"message":""}');
    const message = new Uint8Array([18, ...json]);
    expect(parseFrame(message.buffer)).toEqual({ kind: "ended", ended: { reason: "Exited", exit_code: 3, message: "" } });
  });

  it("leave unknown kinds alone", () => {
    expect(parseFrame(bytes(99, 1).buffer)).toEqual({ kind: "unknown" });
    expect(parseFrame(bytes().buffer)).toEqual({ kind: "unknown" });
  });
});

describe("replayed output", () => {
  it.each<[number, number[], number, number[]]>([
    [10, [1, 2], 10, [1, 2]],
    [10, [1, 2], 11, [2]],
    [10, [1, 2], 12, []],
    [10, [1, 2], 99, []],
    [20, [1, 2], 10, [1, 2]],
  ])("at %d of %j when %d is seen leaves %j", (offset, piece, seen, rest) => {
    expect([...unseen(offset, bytes(...piece), seen)]).toEqual(rest);
  });
});
