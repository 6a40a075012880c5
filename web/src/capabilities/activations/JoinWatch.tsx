import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useState } from "react";
import { RouteLink } from "@/components/RouteLink";
import { useLive } from "@/platform/live";
import type { JoinLine } from "@/platform/types";
import { useActivationTexts } from "./texts";

const TROUBLE_AFTER_MS = 60_000;

interface Joined {
  NodeId: string;
  Name: string;
}

/** Shows each node as it comes in with this line; when none does, what usually is the matter. */
export function JoinWatch({ line, count }: { line: JoinLine; count: number }) {
  const t = useActivationTexts();
  const [joined, setJoined] = useState<Joined[]>([]);
  const [isLate, setLate] = useState(false);
  useLive<Joined>("activation", {
    args: { ActivationId: line.ActivationId },
    onEvent: (node) => setJoined((all) => (all.some(({ NodeId }) => NodeId === node.NodeId) ? all : [...all, node])),
  });
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), TROUBLE_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);

  const isComplete = joined.length >= count;
  const waiting = joined.length === 0 ? t("waiting") : t("waitingMore", { count: joined.length });
  return (
    <Container>
      <SpaceBetween size="s">
        <div role="status">
          {joined.map((node) => (
            <div key={node.NodeId} className="joined-node">
              <StatusIndicator type="success">{t("joined", { name: node.Name })}</StatusIndicator>{" "}
              <RouteLink to={`/nodes/${node.NodeId}`} ariaLabel={`${t("open")}: ${node.Name}`}>
                {t("open")}
              </RouteLink>
            </div>
          ))}
          {isComplete ? count > 1 && <StatusIndicator>{t("joinedAll")}</StatusIndicator> : <StatusIndicator type="loading">{waiting}</StatusIndicator>}
        </div>
        {isLate && joined.length === 0 && <Trouble line={line} />}
      </SpaceBetween>
    </Container>
  );
}

function Trouble({ line }: { line: JoinLine }) {
  const t = useActivationTexts();
  const command = t("troubleReachCommand", { address: line.Addresses[0] ?? location.host });
  return (
    <Alert type="info" header={t("troubleTitle")}>
      <ul className="plain-list">
        <li>{t("troubleReach", { command })}</li>
        <li>{t("troubleAddress")}</li>
        <li>{t("troubleClock")}</li>
        <li>{t("troubleLog", { command: "journalctl -u roadstead-agent" })}</li>
      </ul>
    </Alert>
  );
}
