/** What the hub answered when it refused, or that it could not be reached. */
export class ApiError extends Error {
  readonly code: string;
  readonly requestId: string | undefined;

  constructor(code: string, message: string, requestId?: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.requestId = requestId;
  }

  /** The browser got no answer at all. */
  get isUnreachable(): boolean {
    return this.code === "HubUnreachable";
  }

  /** The caller is not, or no longer, logged in. */
  get isUnauthenticated(): boolean {
    return UNAUTHENTICATED.has(this.code);
  }
}

/** The browser got no answer. */
export function hubUnreachable(): ApiError {
  return new ApiError("HubUnreachable", "the hub did not answer");
}

const UNAUTHENTICATED = new Set([
  "MissingAuthenticationTokenException",
  "MissingAuthenticationToken",
  "UnrecognizedClientException",
  "ExpiredTokenException",
]);

/** `com.example#CodeException:http://…` and `CodeException` both name `CodeException`. */
export function errorCode(type: string): string {
  return (type.split(":")[0] ?? type).split("#").pop() ?? type;
}
