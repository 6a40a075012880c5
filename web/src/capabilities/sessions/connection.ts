import { ApiError } from "@/platform/errors";
import { retryDelay, socketUrl } from "@/platform/live";
import { type Ended, type OpeningAnswer, SUBPROTOCOL, endFrame, inputFrames, parseFrame, resizeFrame, unseen } from "./frames";

/**
 * One terminal's connection to its shell. The shell lives on the node, so a lost connection is only re-attached, from
 * the offset that was drawn last.
 *
 * ```text
 * connecting → attached → lost → connecting …
 *     │            └→ ended (also: taken over)
 *     ├→ inUse → connecting (take over)
 *     └→ failed
 * ```
 */
export type ConnectionState =
  | { name: "connecting" }
  | { name: "attached" }
  | { name: "lost" }
  | { name: "inUse" }
  | { name: "ended"; ended: Ended }
  | { name: "failed"; message: string };

interface Options {
  sessionId: string;
  token: () => Promise<string>;
  size: () => { cols: number; rows: number };
  /** Draws; calls back when it is done with the bytes. */
  draw: (bytes: Uint8Array, done: () => void) => void;
  onGap: (bytes: number) => void;
  onState: (state: ConnectionState) => void;
}

/** A browser cannot hold back a WebSocket. When it falls this far behind it detaches, draws, and attaches again. */
const BACKLOG_MOST = 4 * 1024 * 1024;
const BACKLOG_RESUME = 256 * 1024;
/** Typed before the shell is there, or while a backlog is drawn (so that Ctrl-C still stops a flood), and sent then. */
const PENDING_INPUT_MOST = 4096;
/**
 * The hub may still hold our own dead connection when we come back, so a re-attachment soon after the loss replaces it.
 * Later somebody else may be there: then it asks.
 */
const OWN_FOR_MS = 30_000;

export class SessionConnection {
  private socket: WebSocket | undefined;
  private offset: number | undefined;
  private backlog = 0;
  private isFlooded = false;
  private pendingInput: Uint8Array[] = [];
  private failures = 0;
  private lostAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isClosed = false;
  private attempt = 0;
  private state: ConnectionState = { name: "connecting" };

  constructor(private readonly options: Options) {}

  async connect(takeOver = false): Promise<void> {
    const attempt = ++this.attempt;
    if (!this.isFlooded && this.state.name !== "lost") this.become({ name: "connecting" });
    let token: string;
    try {
      token = await this.options.token();
    } catch (error) {
      if (attempt === this.attempt) this.refused(error);
      return;
    }
    if (attempt !== this.attempt || this.isClosed) return;
    const socket = new WebSocket(socketUrl(`/stream/${encodeURIComponent(this.options.sessionId)}`), SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.addEventListener("open", () => {
      const { cols, rows } = this.options.size();
      socket.send(JSON.stringify({ Token: token, Cols: cols, Rows: rows, From: this.offset ?? null, TakeOver: takeOver }));
    });
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.socket) return;
      if (typeof data === "string") this.opened(JSON.parse(data) as OpeningAnswer);
      else this.receive(data);
    });
    socket.addEventListener("close", () => this.dropped(socket));
  }

  input(bytes: Uint8Array): void {
    if (this.state.name === "attached" && !this.isFlooded) {
      for (const frame of inputFrames(bytes)) this.socket?.send(frame);
    } else if ((this.isFlooded || this.state.name === "connecting") && this.pendingInput.reduce((sum, piece) => sum + piece.length, bytes.length) <= PENDING_INPUT_MOST) {
      this.pendingInput.push(bytes);
    }
  }

  resize(cols: number, rows: number): void {
    if (this.state.name === "attached") this.sendFrame(resizeFrame(cols, rows));
  }

  end(): void {
    this.sendFrame(endFrame());
  }

  /** Leaves the shell running. */
  close(): void {
    this.isClosed = true;
    this.detach();
  }

  private sendFrame(frame: Uint8Array<ArrayBuffer>): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  private detach(): void {
    clearTimeout(this.timer);
    this.attempt += 1;
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }

  private opened({ Attached, Error: refusal }: OpeningAnswer): void {
    if (refusal) {
      this.detach();
      this.refused(new ApiError(refusal.Code, refusal.Message));
      return;
    }
    if (!Attached) return;
    if (this.offset !== undefined && Attached.Offset > this.offset) this.options.onGap(Attached.Offset - this.offset);
    this.offset = Math.max(this.offset ?? 0, Attached.Offset);
    this.failures = 0;
    this.isFlooded = false;
    this.become({ name: "attached" });
    const { cols, rows } = this.options.size();
    this.sendFrame(resizeFrame(cols, rows));
    for (const bytes of this.pendingInput.splice(0)) this.input(bytes);
  }

  private receive(message: ArrayBuffer): void {
    const frame = parseFrame(message);
    if (frame.kind === "output") this.output(frame.offset, frame.bytes);
    if (frame.kind === "ended") {
      this.detach();
      this.become({ name: "ended", ended: frame.ended });
    }
  }

  private output(offset: number, bytes: Uint8Array): void {
    const fresh = unseen(offset, bytes, this.offset ?? 0);
    this.offset = Math.max(this.offset ?? 0, offset + bytes.length);
    if (fresh.length === 0) return;
    this.backlog += fresh.length;
    this.options.draw(fresh, () => this.drawn(fresh.length));
    if (this.backlog > BACKLOG_MOST) {
      this.isFlooded = true;
      this.detach();
    }
  }

  private drawn(bytes: number): void {
    this.backlog -= bytes;
    if (this.isFlooded && this.socket === undefined && this.backlog < BACKLOG_RESUME && !this.isClosed) void this.connect(true);
  }

  private dropped(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    this.retry();
  }

  private retry(): void {
    if (this.isClosed) return;
    const wasAttached = this.state.name === "attached";
    if (wasAttached) this.lostAt = Date.now();
    this.failures += 1;
    this.become({ name: "lost" });
    this.timer = setTimeout(() => void this.connect(Date.now() - this.lostAt < OWN_FOR_MS), retryDelay(this.failures));
  }

  /** What may pass (hub or node away) is tried again; what will not is said. */
  private refused(error: unknown): void {
    if (this.isClosed) return;
    const code = error instanceof ApiError ? error.code : "";
    if (code === "InUse") this.become({ name: "inUse" });
    else if (code === "HubUnreachable" || code === "NotConnected" || code === "TargetNotConnected" || code.startsWith("Http5")) this.retry();
    else if (code === "TokenInvalid" && this.failures < 3) this.retry();
    else this.become({ name: "failed", message: error instanceof Error ? error.message : String(error) });
  }

  private become(state: ConnectionState): void {
    this.state = state;
    this.options.onState(state);
  }
}
