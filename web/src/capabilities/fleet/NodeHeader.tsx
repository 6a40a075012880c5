import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useNavigate } from "react-router";
import { NodeStatusBadge } from "@/components/NodeStatusBadge";
import { RouteButton } from "@/components/RouteButton";
import { OFFLINE_REASONS } from "@/components/states";
import { useCommonTexts } from "@/components/texts";
import { useMay } from "@/components/useMay";
import { runOnNodes, shellOn } from "@/platform/links";
import type { NodeDescription } from "@/platform/types";
import { RemoveNodes } from "./RemoveNodes";
import { RenameDialog } from "./RenameDialog";
import { useFleetTexts } from "./texts";

const ACTIONS = ["ssm:StartSession"] as const;

interface Props {
  node: NodeDescription;
  onChanged: () => void;
  onRemoving: (isRemoving: boolean) => void;
}

export function NodeHeader({ node, onChanged, onRemoving }: Props) {
  const t = useFleetTexts();
  const common = useCommonTexts();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"rename" | "remove">();
  const isOffline = node.Status === "Offline";
  const why = node.OfflineReason ? common(OFFLINE_REASONS[node.OfflineReason]) : common("unknown");
  const may = useMay({ kind: "node", id: node.NodeId }, ACTIONS);
  const locked = (node.NodeLock?.MonitorOnly && t("lockMonitorOnly")) || (node.NodeLock?.NoShell && t("lockNoShell")) || undefined;
  const noShell = isOffline ? t("offlineNoShell", { why }) : (may("ssm:StartSession") ?? locked);
  const leave = () => {
    onChanged();
    void navigate("/nodes");
  };
  return (
    <>
      <Header
        variant="h1"
        info={<NodeStatusBadge status={node.Status} reason={node.OfflineReason} />}
        description={node.NodeId}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <ButtonDropdown
              items={[
                { id: "rename", text: t("rename") },
                { id: "remove", text: t("remove") },
              ]}
              onItemClick={({ detail }) => setDialog(detail.id === "rename" ? "rename" : "remove")}
            >
              {t("actions")}
            </ButtonDropdown>
            <Button disabled={noShell !== undefined} disabledReason={noShell} onClick={() => void navigate(shellOn(node.NodeId))}>
              {t("openShell")}
            </Button>
            <RouteButton variant="primary" to={runOnNodes([node.NodeId])}>
              {t("runCommand")}
            </RouteButton>
          </SpaceBetween>
        }
      >
        {node.Name}
      </Header>
      {dialog === "rename" && <RenameDialog node={node} onClose={() => setDialog(undefined)} onRenamed={onChanged} />}
      {dialog === "remove" && <RemoveNodes nodes={[node]} onClose={() => setDialog(undefined)} onRemoving={onRemoving} onRemoved={leave} />}
    </>
  );
}
