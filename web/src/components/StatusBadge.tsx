import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { STATES, stateName } from "./states";
import { useCommonTexts } from "./texts";

interface Props {
  status: string;
  table?: typeof STATES;
}

const OTHER: StatusIndicatorProps.Type = "info";

/** A state as icon and word, never by colour alone. An unknown state shows the hub's own word. */
export function StatusBadge({ status, table = STATES }: Props) {
  const t = useCommonTexts();
  const known = table[stateName(status)];
  return <StatusIndicator type={known?.type ?? OTHER}>{known ? t(known.text) : status}</StatusIndicator>;
}
