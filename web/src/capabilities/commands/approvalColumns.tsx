import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import type { Approval } from "@/platform/types";
import { DecisionBadge } from "./DecisionBadge";
import type { Translator } from "./texts";

export function approvalColumns(t: Translator): Column<Approval>[] {
  return [
    {
      id: "command",
      header: t("command"),
      width: 240,
      isRowHeader: true,
      cell: ({ CommandId, Comment }) => <RouteLink to={`/commands/${CommandId}`}>{Comment || CommandId}</RouteLink>,
    },
    { id: "document", header: t("document"), width: 190, cell: ({ DocumentName }) => DocumentName },
    { id: "by", header: t("requestedBy"), width: 110, cell: ({ RequestedBy }) => RequestedBy },
    { id: "nodes", header: t("nodes"), width: 80, cell: ({ NodeCount }) => NodeCount },
    { id: "decision", header: t("decision"), width: 120, cell: ({ Decision }) => <DecisionBadge decision={Decision} /> },
    { id: "requested", header: t("requested"), width: 130, cell: ({ RequestedAt }) => <TimeAgo at={RequestedAt} /> },
    { id: "expires", header: t("decideUntil"), width: 130, cell: ({ Decision, ExpiresAt }) => (Decision === "Open" ? <TimeAgo at={ExpiresAt} /> : "–") },
    { id: "decidedBy", header: t("decidedBy"), width: 130, cell: ({ DecidedBy }) => DecidedBy ?? "–" },
    { id: "reason", header: t("reason"), width: 220, cell: ({ Reason }) => Reason || "–" },
  ];
}
