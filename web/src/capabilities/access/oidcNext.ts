import { safeNext } from "./rules";

const KEY = "roadstead.login.next";

/** The provider sends the browser back to one address; where it was going is kept in this tab meanwhile. */
export function rememberNext(next: string): void {
  sessionStorage.setItem(KEY, next);
}

export function takeNext(): string {
  const next = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return safeNext(next);
}
