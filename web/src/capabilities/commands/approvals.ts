import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { TokenKey } from "@/components/tokens";
import type { Approval } from "@/platform/types";
import type { en } from "./en";

type Text = keyof typeof en;

const TEXT = ["=", "!=", ":", "!:", "^"] as const;

/** The keys a person can pick. */
export const APPROVAL_KEYS: readonly TokenKey<Text>[] = [
  { key: "requested_by", text: "requestedBy", operators: TEXT },
  { key: "document_name", text: "document", operators: TEXT },
  { key: "decision", text: "decision", operators: ["=", "!="], values: ["Open", "Approved", "Rejected", "Expired"] },
  { key: "decided_by", text: "decidedBy", operators: TEXT },
  { key: "comment", text: "comment", operators: TEXT },
  { key: "reason", text: "reason", operators: TEXT },
  { key: "command_id", text: "commandId", operators: TEXT },
];

/** The one table from decision to looks and words. */
export const DECISIONS: Record<Approval["Decision"], { type: StatusIndicatorProps.Type; text: Text }> = {
  Open: { type: "pending", text: "decisionOpen" },
  Approved: { type: "success", text: "decisionApproved" },
  Rejected: { type: "stopped", text: "decisionRejected" },
  Expired: { type: "warning", text: "decisionExpired" },
};
