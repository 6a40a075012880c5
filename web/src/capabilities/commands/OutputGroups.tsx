import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { AnsiStripper } from "@/components/ansi";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { useNodeNames } from "@/components/useNodeNames";
import { RouteLink } from "@/components/RouteLink";
import { StatusBadge } from "@/components/StatusBadge";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { OutputGroup } from "@/platform/types";
import { groupOutputs } from "./api";
import { useCommandTexts } from "./texts";

/** Equal outputs stand once: what matters is who differs. */
export function OutputGroups({ commandId }: { commandId: string }) {
  const t = useCommandTexts();
  const locale = useLocale();
  const query = useQuery({ queryKey: ["output-groups", commandId], queryFn: ({ signal }) => groupOutputs(commandId, signal) });
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner />;
  const groups = query.data.toSorted((a, b) => b.Count - a.Count);
  const alike = groups[0]?.Count ?? 0;
  const differ = groups.slice(1).reduce((sum, group) => sum + group.Count, 0);
  if (alike === 0) return <EmptyState title={t("groupsNone")} />;
  return (
    <SpaceBetween size="l">
      <Box variant="h2">
        {differ === 0 ? t("groupsAlike", { count: alike }) : t("groupsDiffer", { alike: formatNumber(alike, locale), differ: formatNumber(differ, locale) })}
      </Box>
      {groups.map((group) => (
        <Group key={`${group.OutputHash}:${group.StatusDetails}:${group.ExitCode}`} group={group} />
      ))}
    </SpaceBetween>
  );
}

function Group({ group }: { group: OutputGroup }) {
  const t = useCommandTexts();
  const locale = useLocale();
  const nameOf = useNodeNames(group.NodeIds);
  const more = group.Count - group.NodeIds.length;
  return (
    <Container
      header={
        <Header
          variant="h3"
          info={<StatusBadge status={group.StatusDetails} />}
          description={group.ExitCode < 0 ? undefined : `${t("exitCode")}: ${group.ExitCode}`}
        >
          {t("groupCount", { count: group.Count })}
        </Header>
      }
    >
      <SpaceBetween size="s">
        <Text name={t("stdout")} text={group.Stdout} />
        {group.Stderr !== "" && <Text name={t("stderr")} text={group.Stderr} />}
        {group.Truncated && <Box variant="small">{t("groupTruncated")}</Box>}
        <ul className="node-sample" aria-label={t("groupNodes")}>
          {group.NodeIds.map((id) => (
            <li key={id}>
              <RouteLink to={`?node=${id}`}>{nameOf(id)}</RouteLink>
            </li>
          ))}
          {more > 0 && <li>{t("groupMore", { count: formatNumber(more, locale) })}</li>}
        </ul>
      </SpaceBetween>
    </Container>
  );
}

function Text({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <Box variant="awsui-key-label">{name}</Box>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
      <pre className="code-block output-text wraps is-small" role="region" aria-label={name} tabIndex={0}>
        {new AnsiStripper().strip(text) || " "}
      </pre>
    </div>
  );
}
