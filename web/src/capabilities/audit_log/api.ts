import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import { isEmpty } from "@/platform/filter";
import type { CursorPage } from "@/platform/pages";
import type { AuditEvent, AuditShipping, AuditShippingSettings, AuditVerdict, Filter } from "@/platform/types";

export async function listEvents(filter: Filter, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<AuditEvent>> {
  const request = { MaxResults: size, ...(isEmpty(filter) ? {} : { Filter: filter }), ...(cursor ? { NextToken: cursor } : {}) };
  const result = await call("Roadstead.ListAuditEvents", request, signal);
  return { items: result.Events, next: result.NextToken || undefined };
}

/** The whole log, a stretch at a time; what is found in all of them. */
export async function verifyAll(onProgress: (rows: number) => void): Promise<AuditVerdict> {
  let whole: AuditVerdict | undefined;
  for (let from: number | undefined; ; ) {
    const { NextSeq, ...part } = await call("Roadstead.VerifyAudit", from === undefined ? {} : { FromSeq: from }); // oxlint-disable-line no-await-in-loop -- each stretch begins where the one before has ended
    whole = whole === undefined ? part : joined(whole, part);
    onProgress(whole.Rows);
    if (NextSeq === undefined) return whole;
    from = NextSeq;
  }
}

export function joined(before: AuditVerdict, after: AuditVerdict): AuditVerdict {
  return {
    Healthy: before.Healthy && after.Healthy,
    Rows: before.Rows + after.Rows,
    FirstSeq: before.FirstSeq,
    LastSeq: Math.max(before.LastSeq, after.LastSeq),
    LastHash: after.LastHash,
    Heads: before.Heads + after.Heads,
    FindingCount: before.FindingCount + after.FindingCount,
    Findings: [...before.Findings, ...after.Findings],
  };
}

export const shippingQuery = queryOptions({
  queryKey: ["audit-shipping"],
  queryFn: ({ signal }): Promise<AuditShipping> => call("Roadstead.GetAuditShipping", {}, signal),
  refetchInterval: 5000,
  // The form begins with it, so never with an earlier reading.
  gcTime: 0,
});

export function putShipping(Settings: AuditShippingSettings, secret: string) {
  return call("Roadstead.PutAuditShipping", { Settings, ...(secret === "" ? {} : { WebhookSecret: secret }) });
}

export const retentionQuery = queryOptions({
  queryKey: ["audit-retention"],
  queryFn: ({ signal }) => call("Roadstead.GetAuditRetention", {}, signal),
});

export function putRetention(days: number | undefined) {
  return call("Roadstead.PutAuditRetention", days === undefined ? {} : { KeepDays: days });
}

export const responsibilitiesQuery = queryOptions({
  queryKey: ["responsibilities"],
  queryFn: async ({ signal }) => (await call("Roadstead.DescribeResponsibilities", {}, signal)).Responsibilities,
  staleTime: Infinity,
});
