import Alert from "@cloudscape-design/components/alert";
import ContentLayout from "@cloudscape-design/components/content-layout";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useParams, useSearchParams } from "react-router";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { OFFLINE_REASONS } from "@/components/states";
import { useCommonTexts } from "@/components/texts";
import { usePage } from "@/components/usePage";
import { ApiError } from "@/platform/errors";
import { useLocale } from "@/platform/i18n/locale";
import { useLive } from "@/platform/live";
import { formatTime } from "@/platform/time";
import type { NodeDescription } from "@/platform/types";
import { nodeQuery } from "./api";
import { NodeCommands } from "./NodeCommands";
import { NodeFacts } from "./NodeFacts";
import { NodeHeader } from "./NodeHeader";
import { NodeParameters } from "./NodeParameters";
import { NodeSessions } from "./NodeSessions";
import { NodeTags } from "./NodeTags";
import { NodeTrust } from "./NodeTrust";
import { useFleetTexts } from "./texts";

interface NodesEvent {
  NodeIds?: string[];
  Reload?: boolean;
}

export default function NodePage() {
  const t = useFleetTexts();
  const { nodeId = "" } = useParams();
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const [isRemoving, setRemoving] = useState(false);
  const query = useQuery({ ...nodeQuery(nodeId), enabled: !isRemoving });
  const node = query.data;
  const name = node?.Name ?? nodeId;
  usePage(name, [
    { text: t("nodes"), href: "/nodes" },
    { text: name, href: `/nodes/${nodeId}` },
  ]);
  useLive<NodesEvent>("nodes", {
    args: {},
    onEvent: (event) => {
      if (event.Reload || event.NodeIds?.includes(nodeId)) void client.invalidateQueries({ queryKey: ["nodes", nodeId] });
    },
  });

  if (query.error && !node) {
    const isMissing = query.error instanceof ApiError && query.error.code === "InvalidInstanceId";
    if (!isMissing) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return (
      <EmptyState title={t("missing")} action={<RouteButton to="/nodes">{t("toNodes")}</RouteButton>}>
        {t("missingHelp")}
      </EmptyState>
    );
  }
  if (!node) return <Spinner size="large" />;
  return (
    <ContentLayout header={<NodeHeader node={node} onChanged={() => void client.invalidateQueries({ queryKey: ["nodes"] })} onRemoving={setRemoving} />}>
      <SpaceBetween size="l">
        {node.Status === "Offline" && <OfflineNotice node={node} />}
        <NodeTrust node={node} onChanged={() => void client.invalidateQueries({ queryKey: ["nodes", nodeId] })} />
        <Tabs
          activeTabId={params.get("tab") ?? "details"}
          onChange={({ detail }) => setParams(detail.activeTabId === "details" ? {} : { tab: detail.activeTabId }, { replace: true })}
          tabs={[
            { id: "details", label: t("details"), content: <NodeFacts node={node} /> },
            { id: "tags", label: `${t("tags")} (${node.Tags.length})`, content: <NodeTags node={node} /> },
            { id: "commands", label: t("commands"), content: <NodeCommands node={node} /> },
            { id: "sessions", label: t("sessions"), content: <NodeSessions node={node} /> },
            { id: "parameters", label: t("parameters"), content: <NodeParameters node={node} /> },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function OfflineNotice({ node }: { node: NodeDescription }) {
  const t = useFleetTexts();
  const common = useCommonTexts();
  const locale = useLocale();
  const why = node.OfflineReason ? common(OFFLINE_REASONS[node.OfflineReason]) : (node.OfflineSentence ?? common("unknown"));
  return (
    <Alert type="warning" header={t("offlineBanner", { why })}>
      {node.LastSeenAt === undefined ? t("offlineNever") : t("offlineKnown", { time: formatTime(node.LastSeenAt, locale) })}
    </Alert>
  );
}
