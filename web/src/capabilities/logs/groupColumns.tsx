import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import type { Locale } from "@/platform/i18n/locale";
import { logsOf } from "@/platform/links";
import { formatBytes } from "@/platform/time";
import type { LogGroup } from "@/platform/types";
import type { Translator } from "./texts";

export function groupColumns(t: Translator, locale: Locale): Column<LogGroup>[] {
  return [
    { id: "name", header: t("name"), width: 420, isRowHeader: true, cell: (one) => <RouteLink to={logsOf(one.logGroupName)}>{one.logGroupName}</RouteLink> },
    { id: "created", header: t("firstCommand"), width: 180, cell: (one) => <TimeAgo at={one.creationTime / 1000} /> },
    { id: "size", header: t("size"), width: 110, cell: (one) => formatBytes(one.storedBytes, locale) },
    { id: "retention", header: t("retention"), width: 130, cell: (one) => t("days", { count: one.retentionInDays }) },
    { id: "arn", header: t("arn"), width: 420, isExtra: true, cell: (one) => <code>{one.logGroupArn}</code> },
  ];
}
