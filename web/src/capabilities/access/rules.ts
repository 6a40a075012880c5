import type { Request } from "@/platform/types";

export const PASSWORD_MIN = 10;

/** Where login leads afterwards: only to a path of this console, never to another site. */
export function safeNext(next: string | null): string {
  return next?.startsWith("/") && !/^\/[/\\]/.test(next) && !/^\/(login|setup)\b/.test(next) ? next : "/";
}

/** Why a provider sent the browser back without a code: its word for it, or nothing. Other texts of the address are not shown. */
export function refusalCode(params: URLSearchParams): string | undefined {
  const code = params.get("error");
  if (code === null) return undefined;
  return /^[a-z_]{1,60}$/.test(code) ? code : "error";
}

/** The token stands in the fragment, which no server log ever sees. */
export function tokenFromFragment(fragment: string): string | undefined {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("token") ?? undefined;
}

/** Six digits, with or without the gap that some generators show; anything else is a recovery code. */
export function isTotpCode(text: string): boolean {
  return /^\d{3}\s?\d{3}$/.test(text.trim());
}

const DAY_MS = 86_400_000;

/** What the dialog's fields ask the hub for; an empty field asks for nothing. */
export function keyRequest(description: string, days: number | undefined, scope: string, nowMs: number): Request<"Roadstead.CreateAccessKey"> {
  const actions = scope.split(/[\s,]+/).filter(Boolean);
  return {
    ...(description.trim() && { Description: description.trim() }),
    ...(days !== undefined && { ExpiresAt: (nowMs + days * DAY_MS) / 1000 }),
    ...(actions.length > 0 && { Scope: actions }),
  };
}
