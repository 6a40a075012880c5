import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { BottomPanel } from "@/components/BottomPanel";
import { EmptyState } from "@/components/EmptyState";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { useCommonTexts } from "@/components/texts";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { useThrottled } from "@/components/useThrottled";
import { EMPTY_FILTER, isEmpty } from "@/platform/filter";
import { useLive } from "@/platform/live";
import { usePages } from "@/platform/pages";
import type { AuditEvent } from "@/platform/types";
import { useView } from "@/platform/useView";
import { listEvents } from "./api";
import { AuditFilter } from "./AuditFilter";
import { auditColumns, operationName } from "./auditColumns";
import { EventPanel } from "./EventPanel";
import { useAuditTexts } from "./texts";
import { useVerification } from "./Verification";

const RELOAD_EVERY_MS = 2000;

export default function AuditPage() {
  const t = useAuditTexts();
  const common = useCommonTexts();
  const client = useQueryClient();
  const list = useList("audit");
  const [view, changeView] = useView(list);
  const [params, setParams] = useSearchParams();
  const columns = useMemo(() => auditColumns(t), [t]);
  const verification = useVerification();
  const pages = usePages<AuditEvent>({
    queryKey: ["audit", view.filter],
    fetchPage: (cursor, size, signal) => listEvents(view.filter, cursor, size, signal),
    size: view.size,
  });
  const reload = useThrottled(() => void client.invalidateQueries({ queryKey: ["audit"] }), RELOAD_EVERY_MS);
  // Who reads an older page must not have it move away.
  useLive("audit", { args: pages.page === 1 ? {} : undefined, onEvent: reload });
  usePage(t("title"));

  const chosen = pages.items.find((event) => String(event.Seq) === params.get("row"));
  const choose = (event: AuditEvent | undefined) => {
    const next = new URLSearchParams(params);
    next.delete("row");
    if (event) next.set("row", String(event.Seq));
    setParams(next, { replace: true });
  };

  return (
    <>
      <QueryTable
        label={t("title")}
        pages={pages}
        columns={columns}
        trackBy={(event) => String(event.Seq)}
        nameOf={(event) => `${operationName(event.Operation)} ${event.Seq}`}
        variant="full-page"
        list={list}
        size={view.size}
        onSize={(size) => changeView({ size })}
        selectionType="single"
        selected={chosen ? [chosen] : []}
        onSelect={([event]) => choose(event)}
        header={
          <SpaceBetween size="m">
            <Header
              variant="h1"
              description={t("help")}
              actions={
                <SpaceBetween direction="horizontal" size="xs">
                  <RefreshButton pages={pages} />
                  <RouteButton to="/audit/shipping">{t("shipping")}</RouteButton>
                  {verification.button}
                </SpaceBetween>
              }
            >
              {t("title")}
            </Header>
            {verification.result}
          </SpaceBetween>
        }
        filter={<AuditFilter filter={view.filter} onChange={(filter) => changeView({ filter })} />}
        empty={
          isEmpty(view.filter) ? (
            <EmptyState title={t("empty")}>{t("emptyHelp")}</EmptyState>
          ) : (
            <EmptyState
              title={common("nothingFound")}
              action={<Button onClick={() => changeView({ filter: EMPTY_FILTER })}>{common("clearFilter")}</Button>}
            >
              {common("nothingFoundHelp")}
            </EmptyState>
          )
        }
      />
      {chosen && (
        <BottomPanel header={t("rowTitle", { operation: operationName(chosen.Operation), row: chosen.Seq })} onClose={() => choose(undefined)}>
          <EventPanel event={chosen} />
        </BottomPanel>
      )}
    </>
  );
}
