import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo } from "react";
import { CopyLine } from "@/components/CopyLine";
import { EmptyState } from "@/components/EmptyState";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { useCommonTexts } from "@/components/texts";
import { TokenFilter } from "@/components/TokenFilter";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { EMPTY_FILTER, isEmpty } from "@/platform/filter";
import { useLocale } from "@/platform/i18n/locale";
import { usePages } from "@/platform/pages";
import type { LogGroup } from "@/platform/types";
import { useView } from "@/platform/useView";
import { UPSTREAM_PAGE_SIZES } from "@/platform/view";
import { listGroups } from "./api";
import { groupColumns } from "./groupColumns";
import { GROUP_KEYS, onlyLast } from "./groupTokens";
import { useLogsTexts } from "./texts";

/** How output gets here, for whoever types. */
const EXAMPLE = "aws ssm send-command --document-name AWS-RunShellScript --targets Key=tag:env,Values=prod --parameters commands=uptime --cloud-watch-output-config CloudWatchOutputEnabled=true";

export default function LogsPage() {
  const t = useLogsTexts();
  const common = useCommonTexts();
  const list = useList("log-groups", UPSTREAM_PAGE_SIZES);
  const [view, changeView] = useView(list);
  const filter = useMemo(() => onlyLast(view.filter), [view.filter]);
  const locale = useLocale();
  const columns = useMemo(() => groupColumns(t, locale), [t, locale]);
  const pages = usePages<LogGroup>({
    queryKey: ["logs", "groups", filter],
    fetchPage: (cursor, size, signal) => listGroups(filter, cursor, size, signal),
    size: list.size,
  });
  usePage(t("logs"));

  return (
    <QueryTable
      label={t("logs")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={(one) => one.logGroupName}
      variant="full-page"
      header={
        <Header
          variant="h1"
          description={t("logsHelp")}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <RefreshButton pages={pages} />
              <RouteButton to="/commands/new">{t("runCommand")}</RouteButton>
            </SpaceBetween>
          }
        >
          {t("logs")}
        </Header>
      }
      filter={
        <TokenFilter
          label={t("filterLabel")}
          placeholder={t("filterPlaceholder")}
          keys={GROUP_KEYS}
          textOf={t}
          filter={filter}
          onChange={(changed) => changeView({ filter: onlyLast(changed) })}
          freeText={t("name")}
          isAndOnly
        />
      }
      empty={
        isEmpty(filter) ? (
          <SpaceBetween size="s">
            <EmptyState title={t("emptyTitle")} action={<RouteButton to="/commands/new">{t("runCommand")}</RouteButton>}>
              {t("emptyHelp")}
            </EmptyState>
            <Box textAlign="left">
              <CopyLine text={EXAMPLE} label={t("emptyLine")} />
            </Box>
          </SpaceBetween>
        ) : (
          <EmptyState title={common("nothingFound")} action={<Button onClick={() => changeView({ filter: EMPTY_FILTER })}>{common("clearFilter")}</Button>}>
            {common("nothingFoundHelp")}
          </EmptyState>
        )
      }
    />
  );
}
