import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import { RouteLink } from "@/components/RouteLink";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { Overview } from "@/platform/types";
import { useOverviewTexts } from "./texts";

const LAST_DAY = encodeURIComponent("requested_date_time>=24h");

/** Each number leads to the list it counts. */
export function Numbers({ overview: { Nodes, Commands, Sessions, Activations } }: { overview: Overview }) {
  const t = useOverviewTexts();
  const locale = useLocale();
  const numbers = [
    { label: t("nodes"), value: Nodes.Total, to: "/nodes" },
    { label: t("online"), value: Nodes.Online, to: "/nodes?filter=status%3Donline" },
    { label: t("offline"), value: Nodes.Offline, to: "/nodes?filter=status%3Doffline" },
    { label: t("sessions"), value: Sessions.Active, to: "/sessions" },
    { label: t("running"), value: Commands.Running, to: "/commands?filter=status%3DInProgress" },
    { label: t("last24h"), value: Commands.Last24h, to: `/commands?filter=${LAST_DAY}` },
    { label: t("failed24h"), value: Commands.Failed24h, to: `/commands?filter=status%3DFailed%20${LAST_DAY}` },
    { label: t("openActivations"), value: Activations.Open, to: "/activations" },
  ];
  return (
    <Container>
      <dl className="numbers">
        {numbers.map(({ label, value, to }) => (
          <div key={label}>
            <dt>
              <Box variant="awsui-key-label">{label}</Box>
            </dt>
            <dd>
              <RouteLink to={to} variant="awsui-value-large" ariaLabel={`${label}: ${formatNumber(value, locale)}`}>
                {formatNumber(value, locale)}
              </RouteLink>
            </dd>
          </div>
        ))}
      </dl>
    </Container>
  );
}
