import type { Column } from "@/components/QueryTable";
import { TimeAgo } from "@/components/TimeAgo";
import { TimeAt } from "@/components/TimeAt";
import type { AuditEvent } from "@/platform/types";
import { Outcome } from "./Outcome";
import type { Translator } from "./texts";

export function auditColumns(t: Translator): Column<AuditEvent>[] {
  return [
    { id: "ago", header: t("ago"), width: 140, cell: ({ At }) => <TimeAgo at={At} /> },
    { id: "time", header: t("time"), width: 220, isExtra: true, cell: ({ At }) => <TimeAt at={At} /> },
    { id: "caller", header: t("caller"), width: 120, cell: ({ Caller, UserName }) => UserName || Caller },
    { id: "operation", header: t("operation"), width: 210, isRowHeader: true, cell: ({ Operation }) => operationName(Operation) },
    { id: "target", header: t("target"), width: 240, cell: ({ Target }) => <code>{Target}</code> },
    { id: "outcome", header: t("outcome"), width: 120, cell: (event) => <Outcome outcome={event.Outcome} repeats={event.Repeats} /> },
    { id: "address", header: t("address"), width: 130, isExtra: true, cell: ({ Address }) => Address || "–" },
    { id: "detail", header: t("detail"), width: 200, cell: ({ Detail }) => Detail || "–" },
  ];
}

/** `ssm:SendCommand` → `SendCommand`: the service says nothing to a person. */
export function operationName(operation: string): string {
  return operation.slice(operation.indexOf(":") + 1);
}
