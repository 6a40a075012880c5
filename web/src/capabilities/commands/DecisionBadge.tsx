import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Approval } from "@/platform/types";
import { DECISIONS } from "./approvals";
import { useCommandTexts } from "./texts";

export function DecisionBadge({ decision }: { decision: Approval["Decision"] }) {
  const t = useCommandTexts();
  const { type, text } = DECISIONS[decision];
  return <StatusIndicator type={type}>{t(text)}</StatusIndicator>;
}
