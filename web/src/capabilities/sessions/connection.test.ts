import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "@/platform/errors";
import { type ConnectionState, SessionConnection } from "./connection";

class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static readonly all: FakeSocket[] = [];
  readyState = 0;
  binaryType = "";
  readonly sent: unknown[] = [];

  constructor() {
    super();
    FakeSocket.all.push(this);
  }

  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  send(data: unknown): void {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }

  attach(offset: number): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
    this.say(JSON.stringify({ Attached: { Offset: offset, Started: offset === 0 } }));
  }

  close(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }

  say(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  output(offset: number, text: string): void {
    const bytes = new TextEncoder().encode(text);
    const frame = new DataView(new ArrayBuffer(9 + bytes.length));
    frame.setUint8(0, 17);
    frame.setBigUint64(1, BigInt(offset));
    new Uint8Array(frame.buffer).set(bytes, 9);
    this.say(frame.buffer);
  }
}

beforeEach(() => {
  FakeSocket.all.length = 0;
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("location", { protocol: "http:", host: "hub" });
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function connected(token: () => Promise<string> = () => Promise.resolve("t")) {
  const states: ConnectionState["name"][] = [];
  const drawn: string[] = [];
  const gaps: number[] = [];
  const pending: (() => void)[] = [];
  let isDrawing = true;
  const connection = new SessionConnection({
    sessionId: "ann-1",
    token,
    size: () => ({ cols: 80, rows: 24 }),
    draw: (bytes, done) => {
      drawn.push(new TextDecoder().decode(bytes));
      if (isDrawing) done();
      else pending.push(done);
    },
    onGap: (bytes) => gaps.push(bytes),
    onState: (state) => states.push(state.name),
  });
  const stall = (): void => {
    isDrawing = false;
  };
  const drain = (): void => {
    for (const done of pending.splice(0)) done();
  };
  return { connection, states, drawn, gaps, stall, drain };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("a session's connection", () => {
  it("comes back by itself to where it was, and draws nothing twice", async () => {
    const { connection, states, drawn } = connected();
    await connection.connect();
    FakeSocket.last.attach(0);
    FakeSocket.last.output(0, "hello ");
    FakeSocket.last.close();
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.last.sent).toEqual([]);
    FakeSocket.last.attach(6);
    expect(FakeSocket.last.sent[0]).toMatchObject({ From: 6, TakeOver: true });
    FakeSocket.last.output(2, "llo world");
    expect(drawn.join("")).toBe("hello world");
    expect(states).toEqual(["connecting", "attached", "lost", "attached"]);
  });

  it("says how much is missing when the replay no longer reaches back", async () => {
    const { connection, gaps } = connected();
    await connection.connect();
    FakeSocket.last.attach(0);
    FakeSocket.last.output(0, "abc");
    FakeSocket.last.close();
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.attach(503);
    expect(gaps).toEqual([500]);
  });

  it("does not take a shell from somebody else unasked", async () => {
    const { connection, states } = connected();
    await connection.connect();
    FakeSocket.last.say(JSON.stringify({ Error: { Code: "InUse", Message: "attached elsewhere" } }));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(states).toEqual(["connecting", "inUse"]);
    await connection.connect(true);
    FakeSocket.last.attach(0);
    expect(FakeSocket.last.sent[0]).toMatchObject({ TakeOver: true });
  });

  it("keeps what is typed before the shell is there", async () => {
    const { connection } = connected();
    await connection.connect();
    connection.input(new TextEncoder().encode("ls\r"));
    FakeSocket.last.attach(0);
    expect(FakeSocket.last.sent.at(-1)).toEqual(new Uint8Array([1, 108, 115, 13]));
  });

  it("ends without coming back when the shell has ended", async () => {
    const { connection, states } = connected();
    await connection.connect();
    FakeSocket.last.attach(0);
    const ended = new TextEncoder().encode('{"reason":"Exited","exit_code":0,"message":""}');
    FakeSocket.last.say(new Uint8Array([18, ...ended]).buffer);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states.at(-1)).toBe("ended");
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("tries again while the hub is away, and stops where that is useless", async () => {
    let error = new ApiError("HubUnreachable", "the hub did not answer");
    const { connection, states } = connected(() => Promise.reject(error));
    await connection.connect();
    await vi.advanceTimersByTimeAsync(5000);
    expect(new Set(states)).toEqual(new Set(["connecting", "lost"]));
    error = new ApiError("DoesNotExistException", "no such session");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states.at(-1)).toBe("failed");
  });

  it("detaches from a flood until the page has caught up, and still sends Ctrl-C", async () => {
    const { connection, stall, drain } = connected();
    await connection.connect();
    FakeSocket.last.attach(0);
    stall();
    const piece = "x".repeat(60_000);
    for (let offset = 0; offset <= 9_000_000; offset += piece.length) FakeSocket.last.output(offset, piece);
    expect(FakeSocket.all[0]?.readyState).toBe(3);
    connection.input(new Uint8Array([3]));
    drain();
    await settle();
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.attach(9_600_000);
    expect(FakeSocket.last.sent.at(-1)).toEqual(new Uint8Array([1, 3]));
  });
});
