import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { StatusBadge } from "@/components/StatusBadge";
import { TimeAgo } from "@/components/TimeAgo";
import type { Invocation } from "@/platform/types";
import { Took } from "./Took";
import type { Translator } from "./texts";

export function invocationColumns(t: Translator, chosenId: string | undefined, onChoose: (item: Invocation) => void): Column<Invocation>[] {
  return [
    {
      id: "node",
      header: t("node"),
      width: 220,
      isRowHeader: true,
      cell: (item) => <RouteLink to={`/nodes/${item.NodeId}`}>{item.Name}</RouteLink>,
    },
    {
      id: "status",
      header: t("status"),
      width: 260,
      cell: (item) => (
        <>
          <StatusBadge status={item.StatusDetails || item.Status} />
          {item.Message && (
            <Box variant="small" color="text-body-secondary" display="block">
              {item.Message}
            </Box>
          )}
        </>
      ),
    },
    { id: "exit", header: t("exitCode"), width: 110, cell: (item) => item.ExitCode ?? "–" },
    { id: "took", header: t("duration"), width: 120, cell: (item) => <Took invocation={item} /> },
    { id: "started", header: t("started"), width: 170, cell: (item) => (item.StartedAt === undefined ? "–" : <TimeAgo at={item.StartedAt} />) },
    {
      id: "output",
      header: t("output"),
      width: 140,
      cell: (item) => (
        <span data-row-open>
          <Button variant="inline-link" ariaLabel={t("outputOf", { name: item.Name })} ariaExpanded={item.NodeId === chosenId} onClick={() => onChoose(item)}>
            {t("output")}
          </Button>
        </span>
      ),
    },
  ];
}
