import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo } from "react";
import { CommandTable } from "@/components/CommandTable";
import { EmptyState } from "@/components/EmptyState";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { useCommonTexts } from "@/components/texts";
import { TokenFilter } from "@/components/TokenFilter";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { EMPTY_FILTER, isEmpty } from "@/platform/filter";
import { usePages } from "@/platform/pages";
import type { Command } from "@/platform/types";
import { useView } from "@/platform/useView";
import { UPSTREAM_PAGE_SIZES } from "@/platform/view";
import { listCommands } from "./api";
import { COMMAND_KEYS, lastOfEach } from "./commandTokens";
import { useCommandTexts } from "./texts";

const REFRESH_MS = 5000;

export default function CommandsPage() {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const list = useList("commands", UPSTREAM_PAGE_SIZES);
  const [view, changeView] = useView(list);
  const filter = useMemo(() => lastOfEach(view.filter), [view.filter]);
  const pages = usePages<Command>({
    queryKey: ["commands", filter],
    fetchPage: (cursor, count, signal) => listCommands(filter, cursor, count, signal),
    size: list.size,
    refetchInterval: REFRESH_MS,
  });
  usePage(t("commands"));

  return (
    <CommandTable
      label={t("commands")}
      pages={pages}
      variant="full-page"
      list={list}
      filter={
        <TokenFilter
          label={t("commandsFilter")}
          placeholder={t("commandsFilterPlaceholder")}
          keys={COMMAND_KEYS}
          textOf={t}
          filter={filter}
          onChange={(changed) => changeView({ filter: lastOfEach(changed) })}
          isAndOnly
          isKeysOnly
        />
      }
      header={
        <Header
          variant="h1"
          description={t("commandsHelp")}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <RefreshButton pages={pages} />
              <RouteButton to="/commands/new" variant="primary">
                {t("runCommand")}
              </RouteButton>
            </SpaceBetween>
          }
        >
          {t("commands")}
        </Header>
      }
      empty={
        isEmpty(filter) ? (
          <EmptyState title={t("emptyTitle")} action={<RouteButton to="/commands/new">{t("runCommand")}</RouteButton>}>
            {t("emptyHelp")}
          </EmptyState>
        ) : (
          <EmptyState title={common("nothingFound")} action={<Button onClick={() => changeView({ filter: EMPTY_FILTER })}>{common("clearFilter")}</Button>}>
            {common("nothingFoundHelp")}
          </EmptyState>
        )
      }
    />
  );
}
