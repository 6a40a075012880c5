import Box from "@cloudscape-design/components/box";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useMemo } from "react";
import { useLocale } from "@/platform/i18n/locale";
import type { Pages } from "@/platform/pages";
import { formatNumber } from "@/platform/time";
import type { Command } from "@/platform/types";
import { CommandStatus } from "./CommandStatus";
import { commandTitle } from "./commandTitle";
import { type Column, QueryTable } from "./QueryTable";
import { RouteLink } from "./RouteLink";
import { useCommonTexts } from "./texts";
import { TimeAgo } from "./TimeAgo";
import type { List } from "./useList";

interface Props {
  label: string;
  pages: Pages<Command>;
  header: ReactNode;
  empty: ReactNode;
  filter?: ReactNode;
  variant?: TableProps.Variant;
  list: List;
}

/** A list of commands, wherever one is shown. */
export function CommandTable(props: Props) {
  const t = useCommonTexts();
  const locale = useLocale();
  const columns = useMemo<Column<Command>[]>(
    () => [
      {
        id: "command",
        header: t("command"),
        width: 320,
        isRowHeader: true,
        cell: (command) => (
          <RouteLink to={`/commands/${command.CommandId}`}>
            <span className="three-lines">{commandTitle(command, t("commandUntitled"))}</span>
          </RouteLink>
        ),
      },
      { id: "status", header: t("commandStatus"), width: 220, cell: (command) => <CommandStatus command={command} /> },
      {
        id: "targets",
        header: t("commandTargets"),
        width: 150,
        cell: (command) => t("commandDone", { done: formatNumber(command.CompletedCount, locale), total: formatNumber(command.TargetCount, locale) }),
      },
      {
        id: "errors",
        header: t("commandErrors"),
        width: 100,
        cell: ({ ErrorCount }) => (ErrorCount > 0 ? <Box color="text-status-error">{formatNumber(ErrorCount, locale)}</Box> : "0"),
      },
      { id: "requested", header: t("commandRequested"), width: 190, cell: (command) => <TimeAgo at={command.RequestedDateTime} /> },
    ],
    [t, locale],
  );
  return <QueryTable {...props} columns={columns} trackBy={(command) => command.CommandId} />;
}
