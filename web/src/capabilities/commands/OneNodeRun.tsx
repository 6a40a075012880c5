import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { CommandStatus } from "@/components/CommandStatus";
import { ErrorState } from "@/components/ErrorState";
import { StatusBadge } from "@/components/StatusBadge";
import { isTerminal } from "@/components/states";
import { useAttempt } from "@/components/useAttempt";
import type { Invocation, StreamName } from "@/platform/types";
import { approvalQuery, cancelCommand, commandQuery, searchInvocations } from "./api";
import { ApprovalPanel } from "./ApprovalPanel";
import { OutputPanel } from "./OutputPanel";
import { Took } from "./Took";
import { useCommandTexts } from "./texts";
import { useChosen } from "./useChosen";

const POLL_MS = 1000;

/** A command that went to one node: how it stands with it, and its output as it is written. Whoever shows another one gives another key. */
export function OneNodeRun({ commandId, nodeId }: { commandId: string; nodeId: string }) {
  const t = useCommandTexts();
  const [step, setStep] = useState(0);
  const [stream, setStream] = useState<StreamName>("stdout");
  const [isStopping, setStopping] = useState(false);
  const attempt = useAttempt();
  const command = useQuery({
    ...commandQuery(commandId),
    refetchInterval: ({ state }) => (state.data && isTerminal(state.data.Command.Status) ? false : POLL_MS),
  });
  const invocations = useQuery({
    queryKey: ["invocations", commandId, "only"],
    queryFn: ({ signal }) => searchInvocations(commandId, [], undefined, 1, signal),
    refetchInterval: ({ state }) => (isOver(state.data?.items[0]) ? false : POLL_MS),
  });
  const { data: approval } = useQuery({ ...approvalQuery(commandId), refetchInterval: ({ state }) => (state.data?.Decision === "Open" ? POLL_MS : false) });
  const invocation = invocations.data?.items[0];
  const chosen = useChosen(commandId, nodeId, invocation);
  const stop = async () => {
    setStopping(true);
    await attempt(() => cancelCommand(commandId));
    setStopping(false);
  };
  const error = command.error ?? invocations.error;
  if (error) return <ErrorState error={error} onRetry={() => void Promise.all([command.refetch(), invocations.refetch()])} />;
  if (!command.data) return <Spinner />;
  const { Command: described } = command.data;
  return (
    <SpaceBetween size="m">
      {approval?.Decision === "Open" && <ApprovalPanel approval={approval} />}
      <KeyValuePairs
        columns={3}
        items={[
          { label: t("status"), value: <div role="status">{invocation ? <StatusBadge status={invocation.StatusDetails || invocation.Status} /> : <CommandStatus command={described} />}</div> },
          { label: t("exitCode"), value: invocation?.ExitCode ?? "–" },
          { label: t("duration"), value: invocation ? <Took invocation={invocation} /> : "–" },
        ]}
      />
      {invocation?.Message && <div>{invocation.Message}</div>}
      {chosen && (
        <OutputPanel key={nodeId} commandId={commandId} isUploaded={false} chosen={chosen} step={step} stream={stream} onStep={setStep} onStream={setStream} />
      )}
      <SpaceBetween direction="horizontal" size="l" alignItems="center">
        {!isOver(invocation) && (
          <Button loading={isStopping} onClick={() => void stop()}>
            {t("cancelCommand")}
          </Button>
        )}
        <Link external externalIconAriaLabel={t("newTab")} href={`/commands/${commandId}`}>
          {t("oneNodeMore")}
        </Link>
      </SpaceBetween>
    </SpaceBetween>
  );
}

function isOver(invocation: Invocation | undefined): boolean {
  return invocation !== undefined && isTerminal(invocation.StatusDetails || invocation.Status);
}
