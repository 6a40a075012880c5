import Box from "@cloudscape-design/components/box";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { OfflineReason, NodeStatus } from "@/platform/types";
import { OFFLINE_REASONS } from "./states";
import { useCommonTexts } from "./texts";
import { TimeAgo } from "./TimeAgo";

interface Props {
  status: NodeStatus;
  reason?: OfflineReason;
  lastSeenAt?: number;
  /** Adds why and since when below the word. */
  detailed?: boolean;
}

export function NodeStatusBadge({ status, reason, lastSeenAt, detailed }: Props) {
  const t = useCommonTexts();
  if (status === "Online") return <StatusIndicator type="success">{t("online")}</StatusIndicator>;
  const why = reason ? t(OFFLINE_REASONS[reason]) : undefined;
  return (
    <span title={why}>
      <StatusIndicator type="stopped">{t("offline")}</StatusIndicator>
      {detailed && (
        <Box variant="small" color="text-body-secondary" display="block">
          {lastSeenAt !== undefined && <TimeAgo at={lastSeenAt} />}
          {lastSeenAt !== undefined && why ? " · " : ""}
          {why}
        </Box>
      )}
    </span>
  );
}
