import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { RouteLink } from "@/components/RouteLink";
import { TimeAt } from "@/components/TimeAt";
import { useNodeNames } from "@/components/useNodeNames";
import { filterToText, where } from "@/platform/filter";
import type { AuditEvent } from "@/platform/types";
import { Outcome } from "./Outcome";
import { useAuditTexts } from "./texts";

/** Nodes of one row that are listed; more are counted. */
const SHOWN_NODES = 20;

/** One row whole, with ways to what belongs to it. */
export function EventPanel({ event }: { event: AuditEvent }) {
  const t = useAuditTexts();
  const shown = event.NodeIds.slice(0, SHOWN_NODES);
  const nameOf = useNodeNames(shown);
  const nodes = shown.map((id) => (
    <div key={id}>
      <RouteLink to={`/nodes/${id}`}>{nameOf(id)}</RouteLink> · <RouteLink to={timeline("node", id)}>{t("timeline")}</RouteLink>
    </div>
  ));
  return (
    <SpaceBetween size="l">
      <KeyValuePairs
        columns={4}
        items={[
          { label: t("time"), value: <TimeAt at={event.At} /> },
          { label: t("outcome"), value: <Outcome outcome={event.Outcome} repeats={event.Repeats} /> },
          { label: t("operation"), value: <RouteLink to={timeline("operation", event.Operation)}>{event.Operation}</RouteLink> },
          { label: t("target"), value: <code>{event.Target}</code> },
          {
            label: t("user"),
            value: event.UserName ? <RouteLink to={timeline("user", event.UserName)}>{event.UserName}</RouteLink> : "–",
          },
          { label: t("caller"), value: <code>{event.Caller}</code> },
          { label: t("address"), value: event.Address || "–" },
          { label: t("detail"), value: event.Detail || "–" },
          {
            label: t("command"),
            value: event.CommandId ? <RouteLink to={`/commands/${event.CommandId}`}>{event.CommandId}</RouteLink> : "–",
          },
          {
            label: t("nodes"),
            value: nodes.length === 0 ? "–" : [...nodes, event.NodeIds.length > SHOWN_NODES && <div key="more">{t("more", { count: event.NodeIds.length - SHOWN_NODES })}</div>],
          },
          { label: t("request"), value: <code>{event.RequestId}</code> },
          { label: t("row"), value: event.Seq },
        ]}
      />
      <KeyValuePairs columns={1} items={[{ label: t("hash"), value: <code className="fingerprint">{event.Hash}</code> }]} />
    </SpaceBetween>
  );
}

function timeline(key: string, value: string): string {
  return `/audit?filter=${encodeURIComponent(filterToText(where(key, "eq", value)))}`;
}
