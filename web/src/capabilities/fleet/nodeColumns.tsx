import Box from "@cloudscape-design/components/box";
import { NodeStatusBadge } from "@/components/NodeStatusBadge";
import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { TagList } from "@/components/TagList";
import { TimeAgo } from "@/components/TimeAgo";
import type { NodeSummary } from "@/platform/types";
import type { Translator } from "./texts";

export function nodeColumns(t: Translator): Column<NodeSummary>[] {
  return [
    {
      id: "name",
      header: t("name"),
      width: 230,
      sortingField: "name",
      isRowHeader: true,
      cell: (node) => (
        <>
          <RouteLink to={`/nodes/${node.NodeId}`}>{node.Name}</RouteLink>
          <Box variant="small" color="text-body-secondary" display="block">
            <span className="one-line">{node.NodeId}</span>
          </Box>
        </>
      ),
    },
    {
      id: "status",
      header: t("status"),
      width: 150,
      sortingField: "status",
      cell: (node) => <NodeStatusBadge status={node.Status} reason={node.OfflineReason} lastSeenAt={node.LastSeenAt} detailed />,
    },
    {
      id: "platform",
      header: t("platform"),
      width: 200,
      sortingField: "platform",
      cell: (node) => (
        <>
          {platformText(node) || "–"}
          <Box variant="small" color="text-body-secondary" display="block">
            {node.Architecture}
          </Box>
        </>
      ),
    },
    {
      id: "addresses",
      header: t("addresses"),
      width: 125,
      cell: (node) => <span title={node.Addresses.join("\n")}>{shortAddresses(node.Addresses)}</span>,
    },
    { id: "tags", header: t("tags"), width: 210, cell: (node) => <TagList tags={node.Tags} limit={3} /> },
    { id: "agent", header: t("agent"), width: 100, sortingField: "agent", cell: (node) => node.AgentVersion || "–" },
    {
      id: "last_seen",
      sortingField: "last_seen",
      header: t("lastSeen"),
      width: 150,
      isExtra: true,
      cell: (node) => (node.Status === "Online" ? t("now") : <TimeAgo at={node.LastSeenAt} />),
    },
    { id: "joined", header: t("joined"), width: 150, sortingField: "joined", isExtra: true, cell: (node) => <TimeAgo at={node.JoinedAt} /> },
  ];
}

export function platformText({ Platform, PlatformVersion }: NodeSummary): string {
  return [Platform, PlatformVersion].filter(Boolean).join(" ");
}

function shortAddresses(addresses: readonly string[]): string {
  const [first, ...rest] = addresses;
  if (first === undefined) return "–";
  return rest.length > 0 ? `${first} +${rest.length}` : first;
}
