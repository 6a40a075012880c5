import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { useLive } from "@/platform/live";
import { usePages } from "@/platform/pages";
import type { JoinRequest } from "@/platform/types";
import { decideJoin, listJoinRequests } from "./api";
import { type Translator, useActivationTexts } from "./texts";

export default function JoinRequestsPage() {
  const t = useActivationTexts();
  const notify = useNotify();
  const list = useList("join-requests");
  const [selected, setSelected] = useState<JoinRequest[]>([]);
  const [dialog, setDialog] = useState<"approve" | "reject">();
  const pages = usePages<JoinRequest>({ queryKey: ["join-requests"], fetchPage: listJoinRequests, size: list.size });
  const columns = useMemo(() => columnsOf(t), [t]);
  usePage(t("requests"));
  useLive("join-requests", { args: {}, onEvent: () => pages.refresh() });

  const decide = async (verdict: "ApproveJoin" | "RejectJoin") => {
    await decideJoin(
      verdict,
      selected.map((request) => request.RequestId),
    );
    setSelected([]);
    pages.refresh();
    notify({ type: "success", content: t(verdict === "ApproveJoin" ? "approved" : "rejected") });
  };
  const noChoice = selected.length === 0 ? { disabled: true, disabledReason: t("chooseRequest") } : {};
  const names = selected.map((request) => request.ComputerName || request.RequestId).join(", ");

  return (
    <>
      <QueryTable
        label={t("requests")}
        pages={pages}
        columns={columns}
        trackBy={(request) => request.RequestId}
        variant="full-page"
        list={list}
        selectionType="multi"
        selected={selected}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("requestsHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button {...noChoice} onClick={() => setDialog("reject")}>
                  {t("reject")}
                </Button>
                <Button variant="primary" {...noChoice} onClick={() => setDialog("approve")}>
                  {t("approve")}
                </Button>
              </SpaceBetween>
            }
          >
            {t("requests")}
          </Header>
        }
        empty={
          <EmptyState title={t("requestsEmpty")} action={<RouteButton to="/join">{t("joinTitle")}</RouteButton>}>
            {t("requestsEmptyHelp")}
          </EmptyState>
        }
      />
      {dialog === "approve" && (
        <ConfirmAction title={t("approve")} action={t("approve")} onConfirm={() => decide("ApproveJoin")} onClose={() => setDialog(undefined)}>
          {t("approveText", { names })}
        </ConfirmAction>
      )}
      {dialog === "reject" && (
        <ConfirmAction title={t("reject")} action={t("reject")} onConfirm={() => decide("RejectJoin")} onClose={() => setDialog(undefined)}>
          {t("rejectText", { names })}
        </ConfirmAction>
      )}
    </>
  );
}

const STATES: Record<JoinRequest["State"], { type: StatusIndicatorProps.Type; text: "statePending" | "stateApproved" | "stateRejected" }> = {
  Pending: { type: "pending", text: "statePending" },
  Approved: { type: "success", text: "stateApproved" },
  Rejected: { type: "stopped", text: "stateRejected" },
};

function columnsOf(t: Translator): Column<JoinRequest>[] {
  return [
    { id: "name", header: t("name"), width: 180, isRowHeader: true, cell: (item) => item.ComputerName || item.RequestId },
    {
      id: "state",
      header: t("state"),
      width: 130,
      cell: ({ State }) => <StatusIndicator type={STATES[State].type}>{t(STATES[State].text)}</StatusIndicator>,
    },
    { id: "platform", header: t("platform"), width: 170, cell: (item) => item.Platform || "–" },
    { id: "address", header: t("address"), width: 150, cell: (item) => item.Address },
    {
      id: "node",
      header: t("rejoins"),
      width: 200,
      cell: ({ NodeId }) => (NodeId ? <RouteLink to={`/nodes/${NodeId}`}>{NodeId}</RouteLink> : "–"),
    },
    { id: "key", header: t("keyFingerprint"), width: 200, cell: ({ KeyFingerprint }) => <code>{KeyFingerprint.slice(0, 16)}</code> },
    { id: "requested", header: t("requestedAt"), width: 150, cell: (item) => <TimeAgo at={item.RequestedAt} /> },
  ];
}
