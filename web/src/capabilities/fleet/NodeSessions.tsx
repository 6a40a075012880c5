import { useMemo } from "react";
import { EmptyState } from "@/components/EmptyState";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { SESSION_STATES } from "@/components/states";
import { StatusBadge } from "@/components/StatusBadge";
import { TimeAgo } from "@/components/TimeAgo";
import { useList } from "@/components/useList";
import { shellOn } from "@/platform/links";
import { usePages } from "@/platform/pages";
import type { NodeSummary, Session } from "@/platform/types";
import { sessionsOf } from "./api";
import { type Translator, useFleetTexts } from "./texts";

export function NodeSessions({ node }: { node: NodeSummary }) {
  const t = useFleetTexts();
  const list = useList("node-sessions", []);
  const pages = usePages<Session>({
    queryKey: ["sessions", "of", node.NodeId],
    fetchPage: (_, __, signal) => sessionsOf(node.NodeId, signal),
    size: list.size,
  });
  const columns = useMemo(() => columnsOf(t), [t]);
  const isOnline = node.Status === "Online";
  return (
    <QueryTable
      label={t("sessions")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={(session) => session.SessionId}
      variant="borderless"
      header={undefined}
      empty={
        <EmptyState title={t("noSessions")} action={isOnline && <RouteButton to={shellOn(node.NodeId)}>{t("openShell")}</RouteButton>}>
          {t("noSessionsHelp")}
        </EmptyState>
      }
    />
  );
}

function columnsOf(t: Translator): Column<Session>[] {
  return [
    {
      id: "session",
      header: t("session"),
      width: 280,
      isRowHeader: true,
      cell: ({ SessionId, EndDate }) => (EndDate === undefined ? <RouteLink to={`/sessions/${SessionId}`}>{SessionId}</RouteLink> : SessionId),
    },
    { id: "owner", header: t("sessionOwner"), width: 160, cell: ({ Owner }) => Owner?.split("/").pop() ?? "–" },
    { id: "status", header: t("sessionStatus"), width: 160, cell: ({ Status }) => <StatusBadge status={Status} table={SESSION_STATES} /> },
    { id: "started", header: t("sessionStarted"), width: 170, cell: ({ StartDate }) => <TimeAgo at={StartDate} /> },
    { id: "ended", header: t("sessionEnded"), width: 170, cell: ({ EndDate }) => (EndDate === undefined ? "–" : <TimeAgo at={EndDate} />) },
  ];
}
