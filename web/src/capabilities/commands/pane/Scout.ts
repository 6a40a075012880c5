import { ApiError } from "@/platform/errors";
import type { Invocation } from "@/platform/types";
import { searchInvocations } from "../api";

/** How often it looks, and how soon again when there is reason to. */
const LOOK_EVERY_MS = 2000;
const LOOK_SOONEST_MS = 400;
const UNREACHABLE_MS = 3000;
const PAGE = 100;
/** In one look, while the command runs. */
const PAGES_MOST = 3;

/** For whom it looks. */
export interface Employer {
  /** Whether one more could be followed. */
  hasRoom: () => boolean;
  /** Says whether all of them are known now. */
  take: (found: readonly Invocation[]) => boolean;
  isOver: () => boolean;
  changed: () => void;
}

/** Pages through the nodes in some states, round after round. */
interface Source {
  states: readonly string[];
  cursor: string | undefined;
  /** The round that goes on began after the command was over: nothing can come behind it any more. */
  isLast: boolean;
  isDone: boolean;
}

/** Looks which nodes of a command have begun: a few pages at a time, and only while one more could be followed. */
export class Scout {
  private readonly sources: Source[];
  private wake: (() => void) | undefined;
  private isStirred = false;
  /** Why it has stopped, or waits. */
  error: unknown;

  constructor(
    private readonly commandId: string,
    states: readonly (readonly string[])[],
    private readonly employer: Employer,
  ) {
    this.sources = states.map((one) => ({ states: one, cursor: undefined, isLast: false, isDone: false }));
  }

  get isDone(): boolean {
    return this.sources.every(({ isDone }) => isDone);
  }

  /** Until the signal, or until there can be none any more. */
  start(signal: AbortSignal): void {
    void this.look(signal);
  }

  /** There is reason to look sooner. */
  stir(): void {
    this.isStirred = true;
    this.wake?.();
  }

  /** Nothing more is wanted. */
  finish(): void {
    for (const source of this.sources) source.isDone = true;
  }

  private async look(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.isDone) {
      try {
        this.isStirred = false;
        // oxlint-disable-next-line no-await-in-loop -- one look after the other
        await this.lookOnce(signal);
        this.fail(undefined);
      } catch (error) {
        if (signal.aborted) return;
        this.fail(error);
        if (!(error instanceof ApiError && error.isUnreachable)) return;
      }
      // oxlint-disable-next-line no-await-in-loop -- as above
      await this.pause(signal);
    }
    this.employer.changed();
  }

  private async lookOnce(signal: AbortSignal): Promise<void> {
    let pages = 0;
    for (const source of this.sources) {
      while (!source.isDone && this.employer.hasRoom() && (this.employer.isOver() || pages < PAGES_MOST)) {
        pages += 1;
        if (source.cursor === undefined) source.isLast = this.employer.isOver();
        // oxlint-disable-next-line no-await-in-loop -- each page names the next one
        const page = await searchInvocations(this.commandId, source.states, source.cursor, PAGE, signal);
        // What there was no room for is on the same page again.
        if (!this.employer.take(page.items)) break;
        source.cursor = page.next;
        source.isDone = page.next === undefined && source.isLast;
        if (page.next === undefined) break;
      }
    }
  }

  private fail(error: unknown): void {
    if (this.error === error) return;
    this.error = error;
    this.employer.changed();
  }

  private async pause(signal: AbortSignal): Promise<void> {
    await new Promise((done) => setTimeout(done, LOOK_SOONEST_MS));
    if (signal.aborted || this.isStirred) return;
    const usual = this.employer.isOver() ? LOOK_SOONEST_MS : LOOK_EVERY_MS;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, (this.error === undefined ? usual : UNREACHABLE_MS) - LOOK_SOONEST_MS);
      this.wake = () => {
        clearTimeout(timer);
        done();
      };
    });
    this.wake = undefined;
  }
}
