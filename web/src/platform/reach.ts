import { useEffect, useSyncExternalStore } from "react";

/** Whether the hub answers: told by every call, and asked for while it does not. */

const FIRST_TRY_MS = 1000;
const LAST_TRY_MS = 10_000;
/** A restart of the hub is over sooner; nobody needs to read of it. */
const QUIET_MS = 1500;

type Timer = ReturnType<typeof setTimeout>;

/** Asks for as long as the hub does not answer, ever more rarely. */
export class Reach {
  isAnswering = true;
  /** Lost for longer than a restart takes. */
  isLost = false;
  private tries = 0;
  private timer: Timer | undefined;
  private quiet: Timer | undefined;
  private readonly watchers = new Set<() => void>();
  private readonly returns = new Set<() => void>();

  constructor(private readonly ask: () => Promise<boolean>) {}

  answered(): void {
    if (this.isAnswering) return;
    clearTimeout(this.timer);
    clearTimeout(this.quiet);
    this.isAnswering = true;
    this.isLost = false;
    this.tries = 0;
    for (const watcher of this.watchers) watcher();
    for (const action of this.returns) action();
  }

  silent(): void {
    if (!this.isAnswering) return;
    this.isAnswering = false;
    this.quiet = setTimeout(() => {
      this.isLost = true;
      for (const watcher of this.watchers) watcher();
    }, QUIET_MS);
    this.tryLater();
  }

  /** Asks at once, for whoever met a silence that may have another reason. */
  async check(): Promise<boolean> {
    const isThere = await this.ask();
    if (isThere) this.answered();
    else this.silent();
    return isThere;
  }

  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** Called each time the hub is back. */
  whenBack(action: () => void): () => void {
    this.returns.add(action);
    return () => this.returns.delete(action);
  }

  private tryLater(): void {
    const wait = Math.min(FIRST_TRY_MS * 2 ** this.tries, LAST_TRY_MS);
    this.tries += 1;
    this.timer = setTimeout(() => {
      void this.ask().then((isThere) => {
        if (this.isAnswering) return;
        if (isThere) this.answered();
        else this.tryLater();
      });
    }, wait);
  }
}

export const reach = new Reach(() =>
  fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(5000) }).then(
    ({ ok }) => ok,
    () => false,
  ),
);

export function useIsHubLost(): boolean {
  return useSyncExternalStore(reach.watch, () => reach.isLost);
}

export function useWhenHubIsBack(action: () => void): void {
  useEffect(() => reach.whenBack(action), [action]);
}

/** For what failed while the hub was silent: it may be back before the failure is shown. */
export function useOnceHubAnswers(action: (() => void) | undefined): void {
  useEffect(() => {
    if (!action) return undefined;
    if (!reach.isAnswering) return reach.whenBack(action);
    action();
    return undefined;
  }, [action]);
}
