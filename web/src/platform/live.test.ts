import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveClient, retryDelay } from "./live";

class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static readonly all: FakeSocket[] = [];
  readyState = 0;
  readonly sent: unknown[] = [];

  constructor() {
    super();
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  close(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }

  say(message: object): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
}

beforeEach(() => {
  FakeSocket.all.length = 0;
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the live connection", () => {
  it("subscribes again after it was lost, with arguments asked anew", () => {
    const client = new LiveClient(() => "ws://hub/live");
    const events: unknown[] = [];
    let offset = 0;
    client.subscribe({ topic: "output", args: () => ({ Offset: offset }), onEvent: (event) => events.push(event), onError: () => {} });
    const first = FakeSocket.all[0];
    first?.open();
    expect(first?.sent).toEqual([{ Subscribe: { Id: 1, Topic: "output", Args: { Offset: 0 } } }]);
    first?.say({ Id: 1, Event: { Text: "a" } });
    offset = 1;
    first?.close();
    expect(client.state).toBe("lost");
    vi.advanceTimersByTime(1000);
    const second = FakeSocket.all[1];
    second?.open();
    expect(second?.sent).toEqual([{ Subscribe: { Id: 1, Topic: "output", Args: { Offset: 1 } } }]);
    expect(events).toEqual([{ Text: "a" }]);
    expect(client.state).toBe("open");
  });

  it("closes when nobody listens any more", () => {
    const client = new LiveClient(() => "ws://hub/live");
    const stop = client.subscribe({ topic: "nodes", args: () => ({}), onEvent: () => {}, onError: () => {} });
    FakeSocket.all[0]?.open();
    stop();
    vi.advanceTimersByTime(6000);
    expect(client.state).toBe("idle");
    expect(FakeSocket.all[0]?.readyState).toBe(3);
  });

  it("waits longer after each failure, within bounds", () => {
    expect(retryDelay(1, 0)).toBe(500);
    expect(retryDelay(3, 0)).toBe(2000);
    expect(retryDelay(30, 0)).toBe(15_000);
    expect(retryDelay(30, 1)).toBe(7500);
  });
});
