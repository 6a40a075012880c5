import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { useNotify } from "@/components/Notifications";
import type { NodeDescription } from "@/platform/types";
import { releaseNode, renewIdentity } from "./api";
import { useFleetTexts } from "./texts";

/** What its owner forbids on a node, and whether another system uses its identity. */
export function NodeTrust({ node, onChanged }: { node: NodeDescription; onChanged: () => void }) {
  return (
    <>
      {node.Quarantine.length > 0 && <QuarantineNotice node={node} onChanged={onChanged} />}
      <ClockNotice node={node} />
      {node.NodeLock && <LockNotice lock={node.NodeLock} />}
    </>
  );
}

function QuarantineNotice({ node, onChanged }: { node: NodeDescription; onChanged: () => void }) {
  const t = useFleetTexts();
  const notify = useNotify();
  const [dialog, setDialog] = useState<"renew" | "release">();
  const renew = async () => {
    await renewIdentity(node.NodeId);
    notify({ type: "success", content: t("identityRenewed") });
    onChanged();
  };
  const release = async () => {
    await releaseNode(node.NodeId);
    notify({ type: "success", content: t("nodeReleased") });
    onChanged();
  };
  return (
    <Alert
      type="error"
      header={t("quarantined")}
      action={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => setDialog("renew")}>{t("renewIdentity")}</Button>
          <Button onClick={() => setDialog("release")}>{t("releaseNode")}</Button>
        </SpaceBetween>
      }
    >
      {t("quarantinedHelp")}
      <ul>
        {node.Quarantine.map((system) => (
          <li key={`${system.MachineId} ${system.BootId}`}>
            {t(system.WasConnected ? "systemConnected" : "systemRefused", {
              machine: system.MachineId || "–",
              boot: system.BootId,
              address: system.Address || "–",
            })}
            {system.IsLeaving && <> {t("systemLeaving")}</>}
          </li>
        ))}
      </ul>
      {dialog === "renew" && (
        <ConfirmAction title={t("renewIdentity")} action={t("renewIdentity")} onConfirm={renew} onClose={() => setDialog(undefined)}>
          {t("renewIdentityText")}
        </ConfirmAction>
      )}
      {dialog === "release" && (
        <ConfirmAction title={t("releaseNode")} action={t("releaseNode")} onConfirm={release} onClose={() => setDialog(undefined)}>
          {t("releaseNodeText")}
        </ConfirmAction>
      )}
    </Alert>
  );
}

/** Beyond this the hub warns too. */
const TOLERATED_MS = 5 * 60_000;

function ClockNotice({ node }: { node: NodeDescription }) {
  const t = useFleetTexts();
  const ahead = node.ClockAheadMs ?? 0;
  if (Math.abs(ahead) <= TOLERATED_MS) return null;
  const minutes = Math.floor(Math.abs(ahead) / 60_000);
  return <Alert type="warning">{t(ahead > 0 ? "clockAhead" : "clockBehind", { minutes })}</Alert>;
}

function LockNotice({ lock }: { lock: NonNullable<NodeDescription["NodeLock"]> }) {
  const t = useFleetTexts();
  const rules = [
    lock.MonitorOnly && t("lockMonitorOnly"),
    lock.NoShell && t("lockNoShell"),
    lock.NoUpdate && t("lockNoUpdate"),
    lock.NoRoot && t("lockNoRoot"),
    lock.AllowedDocuments && t("lockDocuments", { documents: lock.AllowedDocuments.join(", ") || "–" }),
    lock.OperatorClasses.length > 0 && t("lockOperators", { classes: lock.OperatorClasses.join(", ") }),
  ].filter((rule) => typeof rule === "string");
  return (
    <Alert type={lock.Trouble ? "error" : "info"} header={t("locked", { files: lock.Files.join(", ") })}>
      {lock.Trouble && <p>{lock.Trouble}</p>}
      {rules.length > 0 && (
        <ul>
          {rules.map((rule) => (
            <li key={rule}>{rule}</li>
          ))}
        </ul>
      )}
    </Alert>
  );
}
