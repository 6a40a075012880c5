import Alert from "@cloudscape-design/components/alert";
import type { Limits } from "@/platform/types";
import { useCommandTexts } from "./texts";

interface Props {
  limits: Limits;
  total: number;
}

/** What the caller's limits mean for a command that reaches so many nodes. */
export function LimitsNotice({ limits: { MaxTargets: most, ApproveAbove: above }, total }: Props) {
  const t = useCommandTexts();
  if (most !== undefined && total > most) return <Alert type="error">{t("limitReached", { most })}</Alert>;
  if (above !== undefined && total > above) return <Alert type="info">{t("limitApproval", { above })}</Alert>;
  return null;
}
