import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo } from "react";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { TimeAgo } from "@/components/TimeAgo";
import { TokenFilter } from "@/components/TokenFilter";
import { useAttempt } from "@/components/useAttempt";
import { useList } from "@/components/useList";
import { isEmpty } from "@/platform/filter";
import { usePages } from "@/platform/pages";
import { listNotifications, type Notification, retryNotification } from "./api";
import { NothingFits } from "./NothingFits";
import { type Translator, useNotificationTexts } from "./texts";
import { NOTIFICATION_KEYS } from "./tokens";
import { useFilter } from "./useFilter";

const STATES = {
  Waiting: { type: "pending", text: "stateWaiting" },
  Delivered: { type: "success", text: "stateDelivered" },
  Failed: { type: "error", text: "stateFailed" },
} as const;

/** What was sent and what came of it; what was not delivered is tried again from here. */
export function DeliveryLog() {
  const t = useNotificationTexts();
  const notify = useNotify();
  const attempt = useAttempt();
  const list = useList("notifications");
  const [filter, setFilter] = useFilter("log");
  const pages = usePages<Notification>({
    queryKey: ["notifications", filter],
    fetchPage: (cursor, size, signal) => listNotifications(filter, cursor, size, signal),
    size: list.size,
  });
  const { refresh } = pages;
  const columns = useMemo(() => {
    const retry = (id: number) =>
      void attempt(async () => {
        await retryNotification(id);
        notify({ type: "info", content: t("retried") });
        refresh();
      });
    return columnsOf(t, retry);
  }, [t, attempt, notify, refresh]);
  return (
    <QueryTable
      label={t("log")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={({ Id }) => String(Id)}
      header={
        <Header variant="h2" actions={<RefreshButton pages={pages} />}>
          {t("log")}
        </Header>
      }
      filter={<TokenFilter label={t("logFilterLabel")} placeholder={t("logFilterPlaceholder")} keys={NOTIFICATION_KEYS} textOf={t} filter={filter} onChange={setFilter} />}
      empty={isEmpty(filter) ? <EmptyState title={t("logEmpty")} /> : <NothingFits onClear={setFilter} />}
    />
  );
}

function columnsOf(t: Translator, retry: (id: number) => void): Column<Notification>[] {
  return [
    { id: "queued", header: t("queued"), width: 130, cell: ({ QueuedAt }) => <TimeAgo at={QueuedAt} /> },
    { id: "channel", header: t("channel"), width: 130, cell: ({ Channel }) => Channel },
    { id: "subject", header: t("subject"), width: 180, isRowHeader: true, cell: ({ Subject }) => Subject },
    {
      id: "state",
      header: t("state"),
      width: 160,
      cell: ({ Id, State }) => (
        <>
          <StatusIndicator type={STATES[State].type}>{t(STATES[State].text)}</StatusIndicator>{" "}
          {State !== "Delivered" && (
            <Button variant="inline-link" onClick={() => retry(Id)}>
              {t("retry")}
            </Button>
          )}
        </>
      ),
    },
    { id: "attempts", header: t("attempts"), width: 115, cell: ({ Attempts }) => Attempts },
    { id: "error", header: t("error"), width: 230, cell: ({ LastError }) => LastError || "–" },
  ];
}
