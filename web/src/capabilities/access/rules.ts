export const PASSWORD_MIN = 10;

/** Where login leads afterwards: only to a path of this console, never to another site. */
export function safeNext(next: string | null): string {
  return next?.startsWith("/") && !/^\/[/\\]/.test(next) && !/^\/(login|setup)\b/.test(next) ? next : "/";
}

/** The token stands in the fragment, which no server log ever sees. */
export function tokenFromFragment(fragment: string): string | undefined {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("token") ?? undefined;
}
