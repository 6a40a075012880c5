import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useAuditTexts } from "./texts";

/** How an attempt ended, as icon and word. */
export function Outcome({ outcome, repeats }: { outcome: string; repeats: number }) {
  const t = useAuditTexts();
  const times = repeats > 1 ? ` ×${repeats}` : "";
  if (outcome === "done") return <StatusIndicator type="success">{t("done") + times}</StatusIndicator>;
  if (outcome === "denied") return <StatusIndicator type="error">{t("denied") + times}</StatusIndicator>;
  return <StatusIndicator type="warning">{outcome + times}</StatusIndicator>;
}
