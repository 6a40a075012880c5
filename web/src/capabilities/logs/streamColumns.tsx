import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import type { Locale } from "@/platform/i18n/locale";
import { logStreamAt, outputOf } from "@/platform/links";
import { formatBytes } from "@/platform/time";
import type { LogStream } from "@/platform/types";
import { BY_NAME, BY_TIME } from "./api";
import { partsOf } from "./streamName";
import type { Translator } from "./texts";

interface Words {
  t: Translator;
  locale: Locale;
  nameOf: (node: string) => string;
}

/** Streams can be put in order of time only where all of them are listed. */
export function streamColumns(group: string, hasTimeOrder: boolean, { t, locale, nameOf }: Words): Column<LogStream>[] {
  const stream = ({ logStreamName }: LogStream) => {
    const { step, stream: kind } = partsOf(logStreamName);
    return (
      <RouteLink to={logStreamAt(group, logStreamName)} ariaLabel={`${step} ${kind}, ${t("streamOf", { name: logStreamName })}`}>
        {step} {kind}
      </RouteLink>
    );
  };
  const node = ({ logStreamName }: LogStream) => {
    const id = partsOf(logStreamName).node;
    return <RouteLink to={`/nodes/${id}`}>{nameOf(id)}</RouteLink>;
  };
  const command = ({ logStreamName }: LogStream) => {
    const { command: id, node: nodeId, step, stream: kind } = partsOf(logStreamName);
    return (
      <RouteLink to={outputOf(id, nodeId, step, kind)} ariaLabel={t("commandOf", { id })}>
        {id.slice(0, 8)}
      </RouteLink>
    );
  };
  return [
    { id: "stream", header: t("stream"), width: 260, isRowHeader: true, sortingField: BY_NAME, cell: stream },
    { id: "node", header: t("node"), width: 180, cell: node },
    { id: "command", header: t("command"), width: 140, cell: command },
    { id: "latest", header: t("latestLine"), width: 160, ...(hasTimeOrder ? { sortingField: BY_TIME } : {}), cell: (one) => <TimeAgo at={one.lastEventTimestamp / 1000} /> },
    { id: "size", header: t("size"), width: 110, cell: (one) => formatBytes(one.storedBytes, locale) },
    { id: "name", header: t("streamName"), width: 420, isExtra: true, cell: (one) => <code>{one.logStreamName}</code> },
  ];
}
