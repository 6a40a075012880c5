import { queryOptions } from "@tanstack/react-query";
import { call } from "./api";
import { ApiError } from "./errors";

const EVERY_MS = 10_000;

/** Whether the hub is frozen, by whom, when and why. Whoever may not know is asked about once, not every few seconds. */
export const freezeQuery = queryOptions({
  queryKey: ["freeze"],
  queryFn: ({ signal }) => call("Roadstead.GetFreeze", {}, signal),
  refetchInterval: ({ state }) => (isRefused(state.error) ? false : EVERY_MS),
  refetchOnWindowFocus: ({ state }) => !isRefused(state.error),
});

function isRefused(error: unknown): boolean {
  return error instanceof ApiError && !error.isUnreachable;
}

export function freeze(reason: string) {
  return call("Roadstead.SetFreeze", { Frozen: true, Reason: reason });
}

export function endFreeze() {
  return call("Roadstead.SetFreeze", { Frozen: false });
}
