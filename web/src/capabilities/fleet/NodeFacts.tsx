import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import type { ReactNode } from "react";
import Container from "@cloudscape-design/components/container";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import { TimeAt } from "@/components/TimeAt";
import { useNow } from "@/components/useNow";
import { useLocale } from "@/platform/i18n/locale";
import { formatBytes, formatDuration } from "@/platform/time";
import type { NodeDescription } from "@/platform/types";
import { platformText } from "./nodeColumns";
import { useFleetTexts } from "./texts";

/** Everything the hub knows of a node; it stays when the node is gone. */
export function NodeFacts({ node }: { node: NodeDescription }) {
  const t = useFleetTexts();
  const locale = useLocale();
  const now = useNow();
  const isOnline = node.Status === "Online";
  return (
    <Container>
      <KeyValuePairs
        columns={4}
        minColumnWidth={190}
        items={[
          {
            type: "group",
            title: t("identity"),
            items: [
              pair(t("nodeId"), <code>{node.NodeId}</code>),
              pair(t("computerName"), node.ComputerName),
              pair(t("addresses"), <Lines lines={node.Addresses} />),
              pair(t("machineId"), node.MachineId && <code>{node.MachineId}</code>),
            ],
          },
          {
            type: "group",
            title: t("system"),
            items: [
              pair(t("platform"), platformText(node) || undefined),
              pair(t("kernel"), node.Kernel),
              pair(t("architecture"), node.Architecture),
              pair(t("processors"), node.CpuCount),
              pair(t("memory"), node.MemoryBytes > 0 && formatBytes(node.MemoryBytes, locale)),
            ],
          },
          {
            type: "group",
            title: t("uptime"),
            items: [
              pair(t("uptime"), isOnline && node.BootedAt !== undefined ? formatDuration(now - node.BootedAt, locale) : t("uptimeUnknown")),
              pair(t("booted"), <TimeAt at={node.BootedAt} />),
              pair(t("bootId"), node.BootId && <code>{node.BootId}</code>),
            ],
          },
          {
            type: "group",
            title: t("agentGroup"),
            items: [
              pair(t("agentVersion"), node.AgentVersion),
              pair(t("runsAs"), node.RunsAs),
              pair(t("lastSeen"), isOnline ? t("now") : <TimeAgo at={node.LastSeenAt} />),
              pair(t("connected"), isOnline ? <TimeAt at={node.ConnectedAt} /> : undefined),
              pair(t("joined"), <TimeAt at={node.JoinedAt} />),
              pair(t("activation"), node.ActivationId && <RouteLink to="/activations">{node.ActivationId}</RouteLink>),
            ],
          },
        ]}
      />
    </Container>
  );
}

function pair(label: string, value: ReactNode): KeyValuePairsProps.Pair {
  return { label, value: value || "–" };
}

function Lines({ lines }: { lines: readonly string[] }) {
  if (lines.length === 0) return <>–</>;
  return (
    <>
      {lines.map((line) => (
        <div key={line}>{line}</div>
      ))}
    </>
  );
}
