import Box from "@cloudscape-design/components/box";
import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import type { Approval } from "@/platform/types";
import { DecisionBadge } from "./DecisionBadge";
import type { Translator } from "./texts";

/** What waits has no decision yet, and what is decided no term: those columns are left to whoever asks for them. */
export function approvalColumns(t: Translator, isOpen: boolean): Column<Approval>[] {
  return [
    {
      id: "command",
      header: t("command"),
      width: 230,
      isRowHeader: true,
      cell: ({ CommandId, Comment, DocumentName }) => (
        <>
          <RouteLink to={`/commands/${CommandId}`}>{Comment || CommandId}</RouteLink>
          <Box variant="small" color="text-body-secondary" display="block">
            {DocumentName}
          </Box>
        </>
      ),
    },
    { id: "by", header: t("requestedBy"), width: 110, cell: ({ RequestedBy }) => RequestedBy },
    { id: "nodes", header: t("nodes"), width: 90, cell: ({ NodeCount }) => NodeCount },
    { id: "decision", header: t("decision"), width: 130, isExtra: isOpen, cell: ({ Decision }) => <DecisionBadge decision={Decision} /> },
    { id: "requested", header: t("requested"), width: 120, cell: ({ RequestedAt }) => <TimeAgo at={RequestedAt} /> },
    { id: "expires", header: t("decideUntil"), width: 130, isExtra: !isOpen, cell: ({ Decision, ExpiresAt }) => (Decision === "Open" ? <TimeAgo at={ExpiresAt} /> : "–") },
    { id: "decidedBy", header: t("decidedBy"), width: 110, isExtra: isOpen, cell: ({ DecidedBy }) => DecidedBy ?? "–" },
    { id: "reason", header: t("reason"), width: 120, isExtra: isOpen, cell: ({ Reason }) => Reason || "–" },
  ];
}
