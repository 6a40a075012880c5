import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import { groupOutputs } from "./api";
import { GroupDifference } from "./GroupDifference";
import { OutputGroup } from "./OutputGroup";
import { useCommandTexts } from "./texts";

/** Equal outputs stand once: what matters is who differs. */
export function OutputGroups({ commandId }: { commandId: string }) {
  const t = useCommandTexts();
  const locale = useLocale();
  const query = useQuery({ queryKey: ["output-groups", commandId], queryFn: ({ signal }) => groupOutputs(commandId, signal) });
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner />;
  const { Groups: groups, GroupCount: groupCount, NodeCount: nodeCount } = query.data;
  const [largest] = groups;
  const alike = largest?.Count ?? 0;
  const differ = nodeCount - alike;
  if (alike === 0) return <EmptyState title={t("groupsNone")} />;
  return (
    <SpaceBetween size="l">
      <Box variant="h2">
        {differ === 0 ? t("groupsAlike", { count: alike }) : t("groupsDiffer", { alike, differ })}
      </Box>
      {groupCount > groups.length && (
        <Alert type="info" statusIconAriaLabel={t("note")}>
          {t("groupsMore", { count: formatNumber(groupCount, locale), shown: formatNumber(groups.length, locale) })}
        </Alert>
      )}
      {groups.map((group, at) => (
        <OutputGroup key={`${group.OutputHash}:${group.StatusDetails}:${group.ExitCode}`} group={group}>
          {at > 0 && largest && <GroupDifference commandId={commandId} group={group} largest={largest} />}
        </OutputGroup>
      ))}
    </SpaceBetween>
  );
}
