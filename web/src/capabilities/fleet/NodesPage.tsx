import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { NodeFilter } from "@/components/NodeFilter";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { useCommonTexts } from "@/components/texts";
import { useList } from "@/components/useList";
import { useThrottled } from "@/components/useThrottled";
import { usePage } from "@/components/usePage";
import Button from "@cloudscape-design/components/button";
import { EMPTY_FILTER, isEmpty } from "@/platform/filter";
import { useLocale } from "@/platform/i18n/locale";
import { useLive } from "@/platform/live";
import { usePages } from "@/platform/pages";
import { formatNumber } from "@/platform/time";
import type { NodeSummary } from "@/platform/types";
import { useView } from "@/platform/useView";
import { searchNodes } from "./api";
import { ChoiceBar } from "./ChoiceBar";
import { NodeActions } from "./NodeActions";
import { nodeColumns } from "./nodeColumns";
import { useFleetTexts } from "./texts";

const RELOAD_EVERY_MS = 1000;

export default function NodesPage() {
  const t = useFleetTexts();
  const common = useCommonTexts();
  const locale = useLocale();
  const client = useQueryClient();
  const list = useList("nodes");
  const [view, changeView] = useView(list);
  const [selected, setSelected] = useState<NodeSummary[]>([]);
  const [allMatching, setAllMatching] = useState(false);
  const columns = useMemo(() => nodeColumns(t), [t]);
  const pages = usePages<NodeSummary>({
    queryKey: ["nodes", view.filter, view.sort],
    fetchPage: (cursor, size, signal) => searchNodes({ ...view, size }, cursor, signal),
    size: view.size,
  });
  const reload = useThrottled(() => void client.invalidateQueries({ queryKey: ["nodes"] }), RELOAD_EVERY_MS);
  useLive("nodes", { args: {}, onEvent: reload });
  usePage(t("nodes"));

  const choose = (nodes: NodeSummary[]) => {
    setSelected(keepOtherPages(selected, nodes, pages.items));
    setAllMatching(false);
  };
  const count = pages.total === undefined ? undefined : formatNumber(pages.total, locale);

  return (
    <QueryTable
      label={t("nodes")}
      pages={pages}
      columns={columns}
      trackBy={(node) => node.NodeId}
      nameOf={(node) => node.Name}
      variant="full-page"
      list={list}
      size={view.size}
      onSize={(size) => changeView({ size })}
      sort={view.sort ?? { Key: "name", Descending: false }}
      onSort={(sort) => changeView({ sort })}
      selected={allMatching ? pages.items : selected}
      onSelect={choose}
      header={
        <Header
          variant="h1"
          description={t("nodesHelp")}
          counter={count === undefined ? undefined : `(${count})`}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <RefreshButton pages={pages} />
              <NodeActions
                // As they are now, where they are on this page.
                selected={selected.map((node) => pages.items.find(({ NodeId }) => NodeId === node.NodeId) ?? node)}
                allMatching={allMatching ? view.filter : undefined}
                matching={pages.total ?? 0}
                onDone={() => {
                  setSelected([]);
                  pages.refresh();
                }}
              />
            </SpaceBetween>
          }
        >
          {t("nodes")}
        </Header>
      }
      filter={
        <SpaceBetween size="xs">
          <NodeFilter
            filter={view.filter}
            count={pages.total}
            onChange={(filter) => {
              changeView({ filter });
              setAllMatching(false);
            }}
          />
          <ChoiceBar
            chosen={selected.length}
            total={pages.total ?? 0}
            allMatching={allMatching}
            onAll={() => setAllMatching(true)}
            onNone={() => {
              setSelected([]);
              setAllMatching(false);
            }}
          />
        </SpaceBetween>
      }
      empty={
        isEmpty(view.filter) ? (
          <EmptyState title={t("emptyTitle")} action={<RouteButton to="/join">{t("joinNode")}</RouteButton>}>
            {t("emptyHelp")}
          </EmptyState>
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
  );
}

/** The table reports only what it shows; what was chosen on other pages stays chosen. */
function keepOtherPages(before: readonly NodeSummary[], reported: readonly NodeSummary[], shown: readonly NodeSummary[]): NodeSummary[] {
  const here = new Set(shown.map((node) => node.NodeId));
  const elsewhere = before.filter((node) => !here.has(node.NodeId));
  return [...elsewhere, ...reported.filter((node) => here.has(node.NodeId))];
}
