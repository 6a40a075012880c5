import { CommandTable } from "@/components/CommandTable";
import { EmptyState } from "@/components/EmptyState";
import { RouteButton } from "@/components/RouteButton";
import { useList } from "@/components/useList";
import { runOnNodes } from "@/platform/links";
import { usePages } from "@/platform/pages";
import type { Command, NodeSummary } from "@/platform/types";
import { UPSTREAM_PAGE_SIZES } from "@/platform/view";
import { commandsOf } from "./api";
import { useFleetTexts } from "./texts";

export function NodeCommands({ node }: { node: NodeSummary }) {
  const t = useFleetTexts();
  const list = useList("node-commands", UPSTREAM_PAGE_SIZES);
  const pages = usePages<Command>({
    queryKey: ["commands", "of", node.NodeId],
    fetchPage: (cursor, count, signal) => commandsOf(node.NodeId, cursor, count, signal),
    size: list.size,
  });
  return (
    <CommandTable
      label={t("commands")}
      pages={pages}
      variant="borderless"
      list={list}
      header={undefined}
      empty={
        <EmptyState title={t("noCommands")} action={<RouteButton to={runOnNodes([node.NodeId])}>{t("runCommand")}</RouteButton>}>
          {t("noCommandsHelp")}
        </EmptyState>
      }
    />
  );
}
