import { CommandTable } from "@/components/CommandTable";
import { EmptyState } from "@/components/EmptyState";
import { RouteButton } from "@/components/RouteButton";
import { runOnNodes } from "@/platform/links";
import { usePages } from "@/platform/pages";
import { usePreference } from "@/platform/preferences";
import type { Command, NodeSummary } from "@/platform/types";
import { commandsOf } from "./api";
import { useFleetTexts } from "./texts";

export function NodeCommands({ node }: { node: NodeSummary }) {
  const t = useFleetTexts();
  const [size, setSize] = usePreference("pageSize");
  const pages = usePages<Command>({
    queryKey: ["commands", "of", node.NodeId],
    fetchPage: (cursor, count, signal) => commandsOf(node.NodeId, cursor, count, signal),
    size,
  });
  return (
    <CommandTable
      label={t("commands")}
      pages={pages}
      variant="borderless"
      size={size}
      onSize={setSize}
      header={undefined}
      empty={
        <EmptyState title={t("noCommands")} action={<RouteButton to={runOnNodes([node.NodeId])}>{t("runCommand")}</RouteButton>}>
          {t("noCommandsHelp")}
        </EmptyState>
      }
    />
  );
}
