import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { en } from "./en";
import type { Translator } from "./texts";

/** The one table from a review's state to looks and words. */
export const REVIEWS: Record<string, { type: StatusIndicatorProps.Type; text: keyof typeof en }> = {
  NOT_REVIEWED: { type: "info", text: "reviewNone" },
  PENDING: { type: "pending", text: "reviewPending" },
  APPROVED: { type: "success", text: "reviewApproved" },
  REJECTED: { type: "stopped", text: "reviewRejected" },
};

export function reviewText(status: string | undefined, t: Translator): string {
  const known = REVIEWS[status ?? "NOT_REVIEWED"];
  return known ? t(known.text) : (status ?? "–");
}
