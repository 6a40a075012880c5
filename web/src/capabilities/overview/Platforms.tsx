import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { RouteLink } from "@/components/RouteLink";
import { useLocale } from "@/platform/i18n/locale";
import { where } from "@/platform/filter";
import { nodesWith } from "@/platform/links";
import { formatNumber } from "@/platform/time";
import type { NamedCount } from "@/platform/types";
import { useOverviewTexts } from "./texts";

/** How many nodes of each platform, as a table whose rows are also bars. */
export function Platforms({ platforms }: { platforms: readonly NamedCount[] }) {
  const t = useOverviewTexts();
  const locale = useLocale();
  const most = Math.max(1, ...platforms.map(({ Count }) => Count));
  return (
    <Container fitHeight header={<Header variant="h2">{t("platforms")}</Header>}>
      {platforms.length === 0 ? (
        <Box color="text-body-secondary">{t("noPlatforms")}</Box>
      ) : (
        <table className="platforms">
          <thead>
            <tr>
              <th scope="col">{t("platform")}</th>
              <th scope="col">{t("count")}</th>
            </tr>
          </thead>
          <tbody>
            {platforms.map(({ Name, Count }) => (
              <tr key={Name}>
                <th scope="row">
                  <RouteLink to={nodesOf(Name)}>{Name}</RouteLink>
                  <span className="platform-bar" style={{ inlineSize: `${(100 * Count) / most}%` }} />
                </th>
                <td>{formatNumber(Count, locale)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Container>
  );
}

function nodesOf(platform: string): string {
  return nodesWith(where("platform", "eq", platform));
}
