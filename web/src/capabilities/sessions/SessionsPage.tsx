import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { useList } from "@/components/useList";
import { useNodeNames } from "@/components/useNodeNames";
import { usePage } from "@/components/usePage";
import { useLive } from "@/platform/live";
import { usePages } from "@/platform/pages";
import type { Session } from "@/platform/types";
import { endSession, listSessions } from "./api";
import { sessionColumns } from "./sessionColumns";
import { useSessionTexts } from "./texts";

export default function SessionsPage() {
  const t = useSessionTexts();
  const notify = useNotify();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const list = useList("sessions");
  const [selected, setSelected] = useState<Session[]>([]);
  const [isEnding, setEnding] = useState(false);
  const state = params.get("state") === "history" ? "History" : "Active";
  const isActive = state === "Active";
  const pages = usePages<Session>({
    queryKey: ["sessions", state],
    fetchPage: (cursor, count, signal) => listSessions(state, cursor, count, signal),
    size: list.size,
  });
  const nameOf = useNodeNames(pages.items.map(({ Target }) => Target));
  const columns = sessionColumns(t, isActive, nameOf);
  const chosen = selected[0];
  useLive("sessions", { args: {}, onEvent: () => void client.invalidateQueries({ queryKey: ["sessions"] }) });
  usePage(t("sessions"));

  const end = async (session: Session) => {
    await endSession(session.SessionId);
    setSelected([]);
    void client.invalidateQueries({ queryKey: ["sessions"] });
    notify({ type: "success", content: t("endedNotice") });
  };
  const noReason = isActive ? t("chooseOne") : t("alreadyEnded");
  const isUsable = chosen !== undefined && isActive;

  return (
    <>
      <QueryTable
        label={t("sessions")}
        pages={pages}
        columns={columns}
        trackBy={(session) => session.SessionId}
        variant="full-page"
        list={list}
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        filter={
          <SegmentedControl
            label={t("status")}
            selectedId={state}
            options={[
              { id: "Active", text: t("active") },
              { id: "History", text: t("history") },
            ]}
            onChange={({ detail }) => {
              setSelected([]);
              setParams(detail.selectedId === "History" ? { state: "history" } : {});
            }}
          />
        }
        header={
          <Header
            variant="h1"
            description={t("sessionsHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button disabled={!isUsable} disabledReason={noReason} onClick={() => setEnding(true)}>
                  {t("endSelected")}
                </Button>
                <Button disabled={!isUsable} disabledReason={noReason} onClick={() => chosen && void navigate(`/sessions/${chosen.SessionId}`)}>
                  {t("attach")}
                </Button>
              </SpaceBetween>
            }
          >
            {t("sessions")}
          </Header>
        }
        empty={
          <EmptyState title={t(isActive ? "emptyActive" : "emptyHistory")} action={<RouteButton to="/nodes">{t("toNodes")}</RouteButton>}>
            {t(isActive ? "emptyActiveHelp" : "emptyHistoryHelp")}
          </EmptyState>
        }
      />
      {isEnding && chosen && (
        <ConfirmAction title={t("endTitle")} action={t("end")} onConfirm={() => end(chosen)} onClose={() => setEnding(false)}>
          {t("endText", { name: nameOf(chosen.Target) })}
        </ConfirmAction>
      )}
    </>
  );
}
