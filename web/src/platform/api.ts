import { ApiError, errorCode, hubUnreachable } from "./errors";
import { setPreference } from "./preferences";
import { reach } from "./reach";
import type { Operations, Request, Result } from "./types";

const TIMEOUT_MS = 30_000;

let csrfToken: string | undefined;
let onUnauthenticated: (() => void) | undefined;

/** Login, CreateFirstAdmin and GetCaller hand the token over; every later call carries it. */
export function setCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

/** Called when the hub says that the console's login is gone. */
export function whenUnauthenticated(handler: () => void): void {
  onUnauthenticated = handler;
}

let onFrozen: (() => void) | undefined;

/** Called when the hub refuses something because it is frozen. */
export function whenFrozen(handler: (() => void) | undefined): void {
  onFrozen = handler;
}

let proveAnew: (() => Promise<boolean>) | undefined;
let proving: Promise<boolean> | undefined;

/** Asks the person for a fresh proof when the hub wants one; answers whether it was given. */
export function whenStepUpRequired(handler: (() => Promise<boolean>) | undefined): void {
  proveAnew = handler;
  proving = undefined;
}

/** Calls that want a proof at the same time share one question. */
function isProven(): Promise<boolean> {
  if (!proveAnew) return Promise.resolve(false);
  proving ??= proveAnew().finally(() => {
    proving = undefined;
  });
  return proving;
}

interface ErrorBody {
  __type?: string;
  message?: string;
  Message?: string;
}

/** Calls one operation of the hub; request and answer are as its registry declares them. */
export async function call<Name extends keyof Operations>(target: Name, body: Request<Name>, signal?: AbortSignal): Promise<Result<Name>> {
  try {
    return await send(target, body, signal);
  } catch (cause) {
    const isAsked = cause instanceof ApiError && cause.code === "StepUpRequiredException";
    if (!isAsked || !(await isProven())) throw cause;
    return send(target, body, signal);
  }
}

async function send<Name extends keyof Operations>(target: Name, body: Request<Name>, signal?: AbortSignal): Promise<Result<Name>> {
  const headers: Record<string, string> = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": target,
    "X-Roadstead-Members": "1",
  };
  const token = csrfToken;
  if (token) headers["X-Roadstead-Csrf"] = token;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch("/", {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    credentials: "same-origin",
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw unreachable();
  });
  const text = await response.text();
  if (BY_A_PROXY.has(response.status) && !parse(text).__type) throw unreachable();
  reach.answered();
  if (response.ok) return JSON.parse(text || "{}") as Result<Name>;
  throw refusal(response, text, token);
}

/** What a proxy in front of the hub answers while the hub itself does not. */
const BY_A_PROXY = new Set([502, 503, 504]);

function unreachable(): ApiError {
  reach.silent();
  return hubUnreachable();
}

function refusal(response: Response, text: string, token: string | undefined): ApiError {
  const body = parse(text);
  const code = body.__type ? errorCode(body.__type) : `Http${response.status}`;
  const message = body.message ?? body.Message ?? `the hub answered ${response.status}`;
  const error = new ApiError(code, message, response.headers.get("x-amzn-RequestId") ?? undefined);
  if (code === "FrozenException") onFrozen?.();
  // A call of the login before, on its way while a new password or factor replaced it, says nothing about the present one.
  if (error.isUnauthenticated && token === csrfToken) {
    setPreference("isLoggedIn", false);
    onUnauthenticated?.();
  }
  return error;
}

function parse(text: string): ErrorBody {
  try {
    return JSON.parse(text) as ErrorBody;
  } catch {
    return {};
  }
}
