import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { TimeAt } from "@/components/TimeAt";
import { useNow } from "@/components/useNow";
import { usePage } from "@/components/usePage";
import { call } from "@/platform/api";
import { useLocale } from "@/platform/i18n/locale";
import { formatBytes, formatDuration, formatNumber } from "@/platform/time";
import type { HubDescription } from "@/platform/types";
import { awsBlock } from "./awsBlock";
import { useSettingsTexts } from "./texts";

export default function HubPage() {
  const t = useSettingsTexts();
  const query = useQuery({
    queryKey: ["hub"],
    queryFn: ({ signal }) => call("Roadstead.DescribeHub", {}, signal),
    refetchInterval: 15_000,
  });
  usePage(t("title"));
  const content = () => {
    if (query.error && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return query.data ? <Hub hub={query.data} /> : <Spinner size="large" />;
  };
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={t("help")}>
          {t("title")}
        </Header>
      }
    >
      {content()}
    </ContentLayout>
  );
}

function Hub({ hub }: { hub: HubDescription }) {
  const t = useSettingsTexts();
  const locale = useLocale();
  const now = useNow();
  const number = (value: number) => formatNumber(value, locale);
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{t("identity")}</Header>}>
        <KeyValuePairs
          columns={4}
          minColumnWidth={190}
          items={[
            { label: t("version"), value: hub.Version },
            { label: t("account"), value: hub.AccountId },
            { label: t("region"), value: hub.Region },
            { label: t("architectures"), value: hub.Architectures.join(", ") || "–" },
            { label: t("addresses"), value: hub.Addresses.map((address) => <div key={address}>{address}</div>) },
            { label: t("started"), value: <TimeAt at={hub.StartedAt} /> },
            { label: t("uptime"), value: formatDuration(now - hub.StartedAt, locale) },
            {
              label: t("nodes"),
              value: <RouteLink to="/nodes">{t("nodesText", { online: number(hub.NodesOnline), total: number(hub.NodesTotal) })}</RouteLink>,
            },
            { label: t("database"), value: formatBytes(hub.DatabaseBytes, locale) },
            { label: t("blobs"), value: formatBytes(hub.BlobBytes, locale) },
          ]}
        />
      </Container>
      <Container
        header={
          <Header
            variant="h2"
            description={t("trustHelp")}
            actions={
              <Button href="/ca.pem" download="roadstead-ca.pem" iconName="download">
                {t("download")}
              </Button>
            }
          >
            {t("trust")}
          </Header>
        }
      >
        <KeyValuePairs
          columns={1}
          items={[
            { label: t("fingerprint"), value: <code className="fingerprint">{hub.CaFingerprint}</code> },
            { label: t("hubKey"), value: <code className="fingerprint">{hub.HubKey}</code> },
          ]}
        />
      </Container>
      <Container
        header={
          <Header variant="h2" description={t("awsHelp")} actions={<RouteButton to="/access-keys">{t("awsKey")}</RouteButton>}>
            {t("awsTitle")}
          </Header>
        }
      >
        <SpaceBetween size="s">
          <CopyLine text={awsBlock(location.origin, hub.Region)} label={t("awsLabel")} />
          <Box color="text-body-secondary">{t("awsSame", { command: "roadstead aws-env" })}</Box>
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}
