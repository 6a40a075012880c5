import { live } from "@/platform/live";
import type { Invocation } from "@/platform/types";
import { KEPT_MOST, type Kept, NOTHING_KEPT, type PaneLine, append } from "./lines";
import { type NodeOutputEvent, NodeReader } from "./NodeReader";
import { type Choice, FOLLOWED_MOST, draw, statesOf } from "./roster";
import { Scout } from "./Scout";
import { widthOf } from "./shown";

const DRAW_EVERY_MS = 150;

export interface Wish {
  commandId: string;
  choice: Choice;
  /** The nodes to follow, where they are chosen one by one. */
  chosen: readonly string[];
}

/** What the pane shows. A new object whenever anything has changed. */
export interface Followed {
  kept: Kept;
  /** What nodes are called, as far as it was told, and in which place they came, which is their colour. Always the same maps: what is in them stays. */
  names: ReadonlyMap<string, string>;
  places: ReadonlyMap<string, number>;
  /** The longest name's room, in characters. */
  longest: number;
  following: number;
  /** Nodes that were read to their end. */
  read: number;
  /** The command is over, and nothing more is read. */
  isDone: boolean;
  error: unknown;
}

/** Follows the output of many nodes, some at a time: when one has ended, the next takes its place. */
export class OutputsFollower {
  private readonly readers = new Map<string, { reader: NodeReader; stop: () => void }>();
  private readonly read = new Set<string>();
  private readonly names = new Map<string, string>();
  private readonly places = new Map<string, number>();
  private readonly watchers = new Set<() => void>();
  private readonly scout: Scout;
  private kept = NOTHING_KEPT;
  private fresh: PaneLine[] = [];
  private isOver = false;
  private begun = 0;
  private longest = 0;
  private refusals = 0;
  private refusal: unknown;
  private timer: ReturnType<typeof setTimeout> | undefined;
  followed: Followed;

  constructor(private readonly wish: Wish) {
    this.scout = new Scout(wish.commandId, statesOf(wish.choice), {
      hasRoom: () => this.readers.size < FOLLOWED_MOST && !this.isFull(),
      take: (found) => this.take(found),
      isOver: () => this.isOver,
      changed: () => this.change(),
    });
    this.followed = this.snapshot();
  }

  watch = (listener: () => void): (() => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  /** *Returns* what ends it. It can be started again and goes on where it was. */
  start = (): (() => void) => {
    const stopper = new AbortController();
    for (const nodeId of this.readers.keys()) this.subscribe(nodeId);
    for (const nodeId of this.wish.chosen) if (!this.isKnown(nodeId)) this.subscribe(nodeId);
    this.scout.start(stopper.signal);
    return () => {
      stopper.abort();
      this.scout.stir();
      clearTimeout(this.timer);
      this.timer = undefined;
      for (const { stop } of this.readers.values()) stop();
    };
  };

  /** A word of the command's progress: so many nodes of those wished for have begun. */
  told(isOver: boolean, begun: number): void {
    if (this.isOver !== isOver || this.begun !== begun) this.scout.stir();
    this.isOver = isOver;
    this.begun = begun;
    this.change();
  }

  /** Says whether all of them are known now. */
  private take(found: readonly Invocation[]): boolean {
    const { follow, silent } = draw(found, (nodeId) => this.isKnown(nodeId), FOLLOWED_MOST - this.readers.size);
    for (const { NodeId } of silent) this.read.add(NodeId);
    for (const { NodeId, Name } of follow) {
      this.names.set(NodeId, Name);
      this.longest = Math.max(this.longest, widthOf(Name));
      this.subscribe(NodeId);
    }
    if (silent.length + follow.length > 0) this.change();
    return found.every(({ NodeId }) => this.isKnown(NodeId));
  }

  private isKnown(nodeId: string): boolean {
    return this.readers.has(nodeId) || this.read.has(nodeId);
  }

  /** With so much read of a command that is over, more would only push out what is there. */
  private isFull(): boolean {
    return this.isOver && this.kept.dropped > 0 && this.read.size >= FOLLOWED_MOST;
  }

  private subscribe(nodeId: string): void {
    const reader = this.readers.get(nodeId)?.reader ?? new NodeReader(nodeId);
    if (!this.places.has(nodeId)) this.places.set(nodeId, this.places.size);
    const stop = live.subscribe({
      topic: "node-output",
      args: () => ({ CommandId: this.wish.commandId, NodeId: nodeId, From: reader.from() }),
      onEvent: (event) => {
        const told = event as NodeOutputEvent;
        this.add(reader.read(told));
        if (told.End) this.ended(nodeId);
      },
      onError: (error) => {
        this.add(reader.refused(error.message));
        this.ended(nodeId);
        this.refusals += 1;
        if (this.refusals === FOLLOWED_MOST) this.giveUp(error);
      },
    });
    this.readers.set(nodeId, { reader, stop });
  }

  private ended(nodeId: string): void {
    this.readers.get(nodeId)?.stop();
    this.readers.delete(nodeId);
    this.read.add(nodeId);
    this.scout.stir();
    this.change();
  }

  /** Where so many were refused, the others will be. */
  private giveUp(error: unknown): void {
    this.refusal = error;
    this.scout.finish();
  }

  private add(lines: readonly PaneLine[]): void {
    if (lines.length === 0) return;
    for (const line of lines) this.fresh.push(line);
    // A page in the background draws seldom.
    if (this.fresh.length > KEPT_MOST) this.keep();
    this.change();
  }

  private keep(): void {
    this.kept = append(this.kept, this.fresh);
    this.fresh = [];
  }

  /** Shows what has changed, a few times a second. */
  private change(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.keep();
      if (this.isFull()) this.scout.finish();
      this.followed = this.snapshot();
      for (const watcher of this.watchers) watcher();
    }, DRAW_EVERY_MS);
  }

  private snapshot(): Followed {
    return {
      kept: this.kept,
      names: this.names,
      places: this.places,
      longest: this.longest,
      following: this.readers.size,
      read: this.read.size,
      isDone: this.isOver && this.readers.size === 0 && this.scout.isDone,
      error: this.refusal ?? this.scout.error,
    };
  }
}
