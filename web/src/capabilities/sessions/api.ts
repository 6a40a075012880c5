import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import type { CursorPage } from "@/platform/pages";
import type { Session } from "@/platform/types";

export type SessionState = "Active" | "History";

export async function listSessions(state: SessionState, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Session>> {
  const request = { State: state, MaxResults: size, ...(cursor ? { NextToken: cursor } : {}) };
  const result = await call("AmazonSSM.DescribeSessions", request, signal);
  return { items: result.Sessions, next: result.NextToken || undefined };
}

export function sessionQuery(sessionId: string) {
  return queryOptions({
    queryKey: ["sessions", "one", sessionId],
    queryFn: async ({ signal }): Promise<Session | null> => {
      for (const State of ["Active", "History"]) {
        const request = { State, Filters: [{ key: "SessionId", value: sessionId }] };
        const { Sessions } = await call("AmazonSSM.DescribeSessions", request, signal); // oxlint-disable-line no-await-in-loop -- the second is asked only when the first is empty
        if (Sessions[0]) return Sessions[0];
      }
      return null;
    },
  });
}

export function nodeNameQuery(nodeId: string) {
  return queryOptions({
    queryKey: ["nodes", nodeId],
    queryFn: ({ signal }) => call("Roadstead.DescribeNode", { NodeId: nodeId }, signal),
    staleTime: 60_000,
    enabled: nodeId !== "",
  });
}

/** Tokens of sessions just started: the terminal page takes its one at once, so that opening costs no second call. */
const fresh = new Map<string, string>();

export async function startSession(nodeId: string): Promise<string> {
  const ticket = await call("AmazonSSM.StartSession", { Target: nodeId });
  fresh.set(ticket.SessionId, ticket.TokenValue);
  return ticket.SessionId;
}

/** A token for one attachment. */
export async function attachmentToken(sessionId: string): Promise<string> {
  const token = fresh.get(sessionId);
  fresh.delete(sessionId);
  if (token !== undefined) return token;
  return (await call("AmazonSSM.ResumeSession", { SessionId: sessionId })).TokenValue;
}

export function endSession(sessionId: string) {
  return call("AmazonSSM.TerminateSession", { SessionId: sessionId });
}
