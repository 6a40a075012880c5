import ContentLayout from "@cloudscape-design/components/content-layout";
import Grid from "@cloudscape-design/components/grid";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ErrorState } from "@/components/ErrorState";
import { usePage } from "@/components/usePage";
import { useThrottled } from "@/components/useThrottled";
import { call } from "@/platform/api";
import { useLive } from "@/platform/live";
import { usePreference } from "@/platform/preferences";
import { Numbers } from "./Numbers";
import { Platforms } from "./Platforms";
import { RecentCommands } from "./RecentCommands";
import { useOverviewTexts } from "./texts";
import { WaitingApprovals } from "./WaitingApprovals";
import { Welcome } from "./Welcome";
import "./overview.css";

const REFRESH_MS = 5000;

export default function OverviewPage() {
  const t = useOverviewTexts();
  const client = useQueryClient();
  const [isWelcomed, setWelcomed] = usePreference("welcomeDismissed");
  const query = useQuery({
    queryKey: ["overview"],
    queryFn: ({ signal }) => call("Roadstead.GetOverview", {}, signal),
    refetchInterval: REFRESH_MS,
  });
  const reload = useThrottled(() => void client.invalidateQueries({ queryKey: ["overview"] }), 1000);
  useLive("nodes", { args: {}, onEvent: reload });
  useLive("sessions", { args: {}, onEvent: reload });
  usePage(t("title"));

  const content = () => {
    if (query.error && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    if (!query.data) return <Spinner size="large" />;
    return (
      <SpaceBetween size="l">
        {!isWelcomed && <Welcome onDismiss={() => setWelcomed(true)} />}
        <WaitingApprovals />
        <Numbers overview={query.data} />
        <Grid gridDefinition={[{ colspan: { default: 12, s: 8 } }, { colspan: { default: 12, s: 4 } }]}>
          <RecentCommands commands={query.data.Commands.Recent} />
          <Platforms platforms={query.data.Nodes.ByPlatform} />
        </Grid>
      </SpaceBetween>
    );
  };
  return <ContentLayout header={<Header variant="h1">{t("title")}</Header>}>{content()}</ContentLayout>;
}
