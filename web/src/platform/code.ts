import { ApiError, hubUnreachable } from "./errors";
import { reach } from "./reach";

/**
 * The console's code comes from the hub piece by piece, when it is needed. One that could not be had stays missing until the
 * console itself is loaded anew: the browser remembers an import that failed, and so does the router.
 */

/** The hub answers, but not with this piece: it was replaced by a newer one meanwhile, or the piece is broken. */
export class PieceMissing extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "PieceMissing";
  }
}

/**
 * Imports a piece of the console.
 *
 * *Errors*: `ApiError` while the hub does not answer, `PieceMissing` otherwise.
 */
export async function piece<Module>(load: () => Promise<Module>, isHubThere = () => reach.check()): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    throw (await isHubThere()) ? new PieceMissing(cause) : hubUnreachable();
  }
}

/** What helps a page that broke: to wait for the hub, to be loaded anew with what the hub has now, or nothing but to be told. */
export type Remedy = "wait" | "reload" | "tell";

/** `isReloaded`: that was tried a moment ago, and did not help. */
export function remedyOf(error: unknown, isReloaded: boolean): Remedy {
  if (error instanceof ApiError && error.isUnreachable) return "wait";
  return error instanceof PieceMissing && !isReloaded ? "reload" : "tell";
}

const RELOADED = "roadstead.reloaded";
/** A reload is over sooner, and one that did not help is not repeated sooner. */
const MOMENT_MS = 60_000;

/** Whether the console was loaded anew for a missing piece a moment ago; remembered beyond the reload itself. */
export const reloads = {
  isRecent(now = Date.now()): boolean {
    try {
      return now - Number(sessionStorage.getItem(RELOADED) ?? 0) < MOMENT_MS;
    } catch {
      // Without a memory nobody could tell the first reload from the next.
      return true;
    }
  },

  remember(now = Date.now()): void {
    try {
      sessionStorage.setItem(RELOADED, String(now));
    } catch {
      // It counts as recent.
    }
  },
};
