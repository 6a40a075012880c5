import ContentLayout from "@cloudscape-design/components/content-layout";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { CopyLine } from "@/components/CopyLine";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { useNow } from "@/components/useNow";
import { usePage } from "@/components/usePage";
import { useLocale } from "@/platform/i18n/locale";
import { logsOf } from "@/platform/links";
import { formatRelative } from "@/platform/time";
import type { LogGroup } from "@/platform/types";
import { withParams } from "@/platform/view";
import { groupQuery, latestQuery } from "./api";
import { EventsView } from "./EventsView";
import { StreamsView } from "./StreamsView";
import { useLogsTexts } from "./texts";

export default function GroupPage() {
  const t = useLogsTexts();
  const [params] = useSearchParams();
  const name = params.get("group") ?? "";
  const query = useQuery(groupQuery(name));
  usePage(name || t("group"), [
    { text: t("logs"), href: "/logs" },
    { text: name || t("group"), href: logsOf(name) },
  ]);

  if (query.error && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (query.data === null || name === "") {
    return (
      <EmptyState title={t("groupMissing")} action={<RouteButton to="/logs">{t("toLogs")}</RouteButton>}>
        {t("groupMissingHelp")}
      </EmptyState>
    );
  }
  if (!query.data) return <Spinner size="large" />;
  return <GroupView key={name} group={query.data} />;
}

function GroupView({ group }: { group: LogGroup }) {
  const t = useLogsTexts();
  const locale = useLocale();
  const now = useNow();
  const [params, setParams] = useSearchParams();
  const name = group.logGroupName;
  const latest = useQuery(latestQuery(name));
  const days = t("days", { count: group.retentionInDays });
  const facts = latest.data ? t("groupFacts", { latest: formatRelative(latest.data / 1000, now, locale), days }) : t("groupFactsEmpty", { days });
  const set = (changes: Record<string, string | undefined>) => setParams(withParams(params, changes), { replace: true });
  if (latest.isPending) return <Spinner size="large" />;

  return (
    <ContentLayout
      header={
        <Header variant="h1" description={facts}>
          <span className="log-name">{name}</span>
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Tabs
          activeTabId={params.get("tab") ?? "events"}
          onChange={({ detail }) => set({ tab: detail.activeTabId === "events" ? undefined : detail.activeTabId })}
          tabs={[
            { id: "events", label: t("events"), content: <EventsView group={name} latest={latest.data ?? undefined} /> },
            { id: "streams", label: t("streams"), content: <StreamsView group={name} /> },
          ]}
        />
        <ExpandableSection headerText={t("onCommandLine")}>
          <CopyLine text={`roadstead logs tail ${name} --follow`} label={t("onCommandLine")} />
        </ExpandableSection>
      </SpaceBetween>
    </ContentLayout>
  );
}
