import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { SESSION_STATES } from "@/components/states";
import { StatusBadge } from "@/components/StatusBadge";
import { TimeAgo } from "@/components/TimeAgo";
import type { Session } from "@/platform/types";
import type { Translator } from "./texts";

export function sessionColumns(t: Translator, isActive: boolean, nameOf: (nodeId: string) => string): Column<Session>[] {
  const columns: Column<Session>[] = [
    {
      id: "session",
      header: t("session"),
      width: 250,
      isRowHeader: true,
      cell: (session) => (isActive ? <RouteLink to={`/sessions/${session.SessionId}`}>{session.SessionId}</RouteLink> : session.SessionId),
    },
    { id: "node", header: t("node"), width: 180, cell: (session) => <RouteLink to={`/nodes/${session.Target}`}>{nameOf(session.Target)}</RouteLink> },
    { id: "owner", header: t("owner"), width: 110, cell: (session) => ownerName(session.Owner) },
    { id: "status", header: t("status"), width: 120, cell: (session) => <StatusBadge status={session.Status} table={SESSION_STATES} /> },
    { id: "started", header: t("started"), width: 125, cell: (session) => <TimeAgo at={session.StartDate} /> },
  ];
  if (isActive) return columns;
  return [
    ...columns,
    { id: "ended", header: t("ended"), width: 125, cell: (session) => <TimeAgo at={session.EndDate} /> },
    { id: "reason", header: t("reason"), width: 150, cell: (session) => session.Details || session.Reason || "–" },
  ];
}

/** An owner is an ARN; its last part is the name a person knows. */
export function ownerName(owner: string | undefined): string {
  return owner?.split("/").pop() || "–";
}
