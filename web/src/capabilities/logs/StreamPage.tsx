import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { TimeAt } from "@/components/TimeAt";
import { useNodeNames } from "@/components/useNodeNames";
import { usePage } from "@/components/usePage";
import { useLocale } from "@/platform/i18n/locale";
import { logStreamAt, logsOf, outputOf } from "@/platform/links";
import { formatBytes } from "@/platform/time";
import type { LogStream } from "@/platform/types";
import { isNoneVisible, streamQuery } from "./api";
import { StreamLines } from "./StreamLines";
import { partsOf } from "./streamName";
import { useLogsTexts } from "./texts";

export default function StreamPage() {
  const t = useLogsTexts();
  const [params] = useSearchParams();
  const [group, name] = [params.get("group") ?? "", params.get("stream") ?? ""];
  const { node, step, stream } = partsOf(name);
  const nameOf = useNodeNames(node ? [node] : []);
  const title = name === "" ? t("stream") : `${nameOf(node)} · ${step} · ${stream}`;
  const query = useQuery(streamQuery(group, name));
  usePage(title, [
    { text: t("logs"), href: "/logs" },
    { text: group || t("group"), href: logsOf(group) },
    { text: title, href: logStreamAt(group, name) },
  ]);

  if (query.data === null || group === "" || name === "" || isNoneVisible(query.error)) {
    const action = group === "" ? <RouteButton to="/logs">{t("toLogs")}</RouteButton> : <RouteButton to={logsOf(group)}>{t("toGroup")}</RouteButton>;
    return (
      <EmptyState title={t("streamMissing")} action={action}>
        {t("streamMissingHelp")}
      </EmptyState>
    );
  }
  if (query.error && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner size="large" />;
  return (
    <ContentLayout header={<Header variant="h1">{title}</Header>}>
      <SpaceBetween size="l">
        <Container>
          <StreamFacts group={group} stream={query.data} nodeName={nameOf(node)} />
        </Container>
        <StreamLines key={`${group} ${name}`} group={group} name={name} />
      </SpaceBetween>
    </ContentLayout>
  );
}

function StreamFacts({ group, stream, nodeName }: { group: string; stream: LogStream; nodeName: string }) {
  const t = useLogsTexts();
  const locale = useLocale();
  const { command, node, step, stream: kind } = partsOf(stream.logStreamName);
  return (
    <SpaceBetween size="l">
      <KeyValuePairs
        columns={4}
        minColumnWidth={190}
        items={[
          { label: t("group"), value: <RouteLink to={logsOf(group, `${command}/`)}>{group}</RouteLink> },
          { label: t("node"), value: <RouteLink to={`/nodes/${node}`}>{nodeName}</RouteLink> },
          { label: t("command"), value: <RouteLink to={outputOf(command, node, step, kind)}>{command}</RouteLink> },
          { label: t("latestLine"), value: <TimeAt at={stream.lastEventTimestamp / 1000} /> },
          { label: t("size"), value: formatBytes(stream.storedBytes, locale) },
        ]}
      />
      <KeyValuePairs columns={1} items={[{ label: t("streamName"), value: <code className="log-name">{stream.logStreamName}</code> }]} />
    </SpaceBetween>
  );
}
