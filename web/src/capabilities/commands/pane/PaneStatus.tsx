import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useCommandTexts } from "../texts";
import type { Followed } from "./OutputsFollower";

interface Props {
  followed: Followed;
  /** Nodes that take part. */
  total: number;
  isOver: boolean;
}

/** How much of the command is shown here: how many nodes, and whether more will follow. */
export function PaneStatus({ followed: { following, read, isDone, error }, total, isOver }: Props) {
  const t = useCommandTexts();
  const isWaiting = following === 0 && !isOver;
  const said = () => {
    if (isDone) return [t("paneOver", { read, total }), ...(read < total && error === undefined ? [t("paneFull")] : [])];
    if (isOver) return [t("paneOverReading", { read, total })];
    const goneBy = read > 0 ? [t("paneRead", { count: read })] : [];
    if (isWaiting) return [t("paneWaiting"), ...goneBy];
    return [t("paneFollowing", { following, total: Math.max(total, following) }), ...goneBy, ...(following + read < total ? [t("paneNext")] : [])];
  };
  const type = () => {
    if (isDone) return "stopped";
    return isWaiting ? "pending" : "in-progress";
  };
  return <StatusIndicator type={type()}>{said().join(" ")}</StatusIndicator>;
}
