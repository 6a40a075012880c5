import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { ErrorState } from "@/components/ErrorState";
import { TagList } from "@/components/TagList";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber, formatTime } from "@/platform/time";
import type { OfflineChoice, ResolvedTargets } from "@/platform/types";
import { OfflineList } from "./OfflineList";
import { useCommandTexts } from "./texts";
import type { Resolved } from "./useResolved";

interface Props {
  resolved: Resolved;
  offline: OfflineChoice;
}

const OFFLINE_TEXT = { Skip: "previewSkip", Fail: "previewFail" } as const;

/** What the command reaches now: how many, who is offline since when, and until when that is waited for. */
export function TargetPreview(props: Props) {
  const t = useCommandTexts();
  return (
    <Container header={<Header variant="h2">{t("preview")}</Header>}>
      <div aria-live="polite">
        <Content {...props} />
      </div>
    </Container>
  );
}

function Content({ resolved, offline }: Props) {
  const t = useCommandTexts();
  if (!resolved.isChosen) return <Box color="text-body-secondary">{t("previewNone")}</Box>;
  if (resolved.error) return <ErrorState error={resolved.error} title={t("previewFailed")} onRetry={resolved.retry} />;
  if (!resolved.data) return <StatusIndicator type="loading">{t("preview")}</StatusIndicator>;
  if (resolved.data.Total === 0) return <Alert type="warning">{t("previewZero")}</Alert>;
  return <Reached data={resolved.data} offline={offline} />;
}

function Reached({ data, offline }: { data: ResolvedTargets; offline: OfflineChoice }) {
  const t = useCommandTexts();
  const locale = useLocale();
  return (
    <SpaceBetween size="m">
      <SpaceBetween direction="horizontal" size="l" alignItems="center">
        <Box fontSize="heading-xl" fontWeight="bold">
          {t("previewTotal", { count: data.Total })}
        </Box>
        <StatusIndicator type="success">{t("previewOnline", { count: formatNumber(data.Online, locale) })}</StatusIndicator>
        {data.Offline > 0 && <StatusIndicator type="stopped">{t("previewOffline", { count: formatNumber(data.Offline, locale) })}</StatusIndicator>}
      </SpaceBetween>
      <ul className="node-sample">
        {data.Sample.map((node) => (
          <li key={node.NodeId}>
            <span>{node.Name}</span> <TagList tags={node.Tags} limit={3} empty="" />
          </li>
        ))}
        {data.Total > data.Sample.length && <li>{t("previewMore", { count: formatNumber(data.Total - data.Sample.length, locale) })}</li>}
      </ul>
      {data.Offline > 0 && (
        <Alert type="warning" header={t("previewOfflineList")}>
          <SpaceBetween size="s">
            <OfflineList nodes={data.OfflineNodes} total={data.Offline} />
            <span>{offline === "Wait" ? t("previewWait", { time: formatTime(data.WaitEndsAt, locale) }) : t(OFFLINE_TEXT[offline])}</span>
          </SpaceBetween>
        </Alert>
      )}
    </SpaceBetween>
  );
}
