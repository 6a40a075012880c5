import { useEffect, useRef, useSyncExternalStore } from "react";
import { ApiError } from "./errors";
import { reach } from "./reach";

/** One WebSocket carries every live subscription of the page. It reconnects by itself and subscribes again. */

const PROTOCOL = "roadstead.live.v1";
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
/** The socket stays for a moment without subscriptions, so that a change of page does not reconnect. */
const LINGER_MS = 5000;

export type LiveState = "idle" | "connecting" | "open" | "lost";

interface Subscription {
  topic: string;
  /** Asked again at every (re)connect: an output stream goes on where it stopped. */
  args: () => object;
  onEvent: (event: unknown) => void;
  onError: (error: ApiError) => void;
}

interface ServerMessage {
  Id: number;
  Event?: unknown;
  Error?: { Code: string; Message: string };
}

export class LiveClient {
  private socket: WebSocket | undefined;
  private readonly subscriptions = new Map<number, Subscription>();
  private readonly watchers = new Set<() => void>();
  private nextId = 1;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  state: LiveState = "idle";

  constructor(private readonly url: () => string) {}

  subscribe(subscription: Subscription): () => void {
    const id = this.nextId++;
    this.subscriptions.set(id, subscription);
    if (this.socket?.readyState === WebSocket.OPEN) this.announce(id, subscription);
    else this.connect();
    return () => {
      this.subscriptions.delete(id);
      this.send({ Unsubscribe: { Id: id } });
      if (this.subscriptions.size === 0) setTimeout(() => this.closeIfUnused(), LINGER_MS);
    };
  }

  watch = (listener: () => void): (() => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  /** After logging out: nothing of the old login stays connected. */
  close(): void {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
    this.become("idle");
  }

  /** The hub is known to be back: there is no reason to wait on. */
  retryNow(): void {
    if (this.state === "lost") this.connect();
  }

  private connect(): void {
    if (this.socket) return;
    clearTimeout(this.timer);
    if (this.failures === 0) this.become("connecting");
    const socket = new WebSocket(this.url(), PROTOCOL);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.failures = 0;
      reach.answered();
      this.become("open");
      for (const [id, subscription] of this.subscriptions) this.announce(id, subscription);
    });
    socket.addEventListener("message", (message: MessageEvent<string>) => this.receive(message.data));
    socket.addEventListener("close", () => this.closed(socket));
  }

  private closed(socket: WebSocket): void {
    if (this.socket !== socket) return;
    this.socket = undefined;
    if (this.subscriptions.size === 0) {
      this.become("idle");
      return;
    }
    this.failures += 1;
    this.become("lost");
    this.timer = setTimeout(() => this.connect(), retryDelay(this.failures));
  }

  private receive(text: string): void {
    const message = JSON.parse(text) as ServerMessage;
    const subscription = this.subscriptions.get(message.Id);
    if (!subscription) return;
    if (message.Error) subscription.onError(new ApiError(message.Error.Code, message.Error.Message));
    else subscription.onEvent(message.Event);
  }

  private announce(id: number, { topic, args }: Subscription): void {
    this.send({ Subscribe: { Id: id, Topic: topic, Args: args() } });
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private closeIfUnused(): void {
    if (this.subscriptions.size === 0) this.close();
  }

  private become(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    for (const watcher of this.watchers) watcher();
  }
}

/** Doubles from half a second to 15 s, each time shortened by up to half so that many browsers spread out. */
export function retryDelay(failures: number, random: number = Math.random()): number {
  const full = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
  return full * (1 - random / 2);
}

export function socketUrl(path: string): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${path}`;
}

export const live = new LiveClient(() => socketUrl("/live"));
reach.whenBack(() => live.retryNow());

export function useLiveState(): LiveState {
  return useSyncExternalStore(live.watch, () => live.state);
}

interface LiveOptions<Event> {
  /** `undefined` subscribes to nothing. */
  args: object | undefined;
  /** More arguments, asked for anew at every (re)connect: where a stream goes on. */
  resume?: () => object;
  onEvent: (event: Event) => void;
  onError?: (error: ApiError) => void;
}

/** Subscribes while the component is there; a change of the arguments' content subscribes anew. */
export function useLive<Event>(topic: string, { args, resume, onEvent, onError }: LiveOptions<Event>): void {
  const handlers = useRef({ resume, onEvent, onError });
  useEffect(() => {
    handlers.current = { resume, onEvent, onError };
  });
  const key = args === undefined ? undefined : JSON.stringify(args);
  useEffect(() => {
    if (key === undefined) return undefined;
    return live.subscribe({
      topic,
      args: () => ({ ...(JSON.parse(key) as object), ...handlers.current.resume?.() }),
      onEvent: (event) => handlers.current.onEvent(event as Event),
      onError: (error) => handlers.current.onError?.(error),
    });
  }, [topic, key]);
}
