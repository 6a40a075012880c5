import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ConfirmAction } from "@/components/ConfirmAction";
import { sentence } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { isTerminal } from "@/components/states";
import type { Command, StateCount } from "@/platform/types";
import { type RerunScope, cancelCommand, needsCount, ownLimitsQuery, rerunCommand } from "./api";
import { failedCount } from "./progress";
import { RerunDialog } from "./RerunDialog";
import { useCommandTexts } from "./texts";

interface Props {
  command: Command;
  title: string;
  states: readonly StateCount[];
}

export function CommandHeader({ command, title, states }: Props) {
  const t = useCommandTexts();
  const notify = useNotify();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [isCancelling, setCancelling] = useState(false);
  const [rerunning, setRerunning] = useState<RerunScope>();
  const limits = useQuery(ownLimitsQuery).data;
  const isDone = isTerminal(command.Status);
  const failed = failedCount(states);

  const countOf = (scope: RerunScope) => (scope === "failed" ? failed : command.TargetCount);
  const rerun = async (scope: RerunScope) => {
    if (limits?.ConfirmAbove !== undefined && countOf(scope) > limits.ConfirmAbove) {
      setRerunning(scope);
      return;
    }
    try {
      await navigate(`/commands/${await rerunCommand(command.CommandId, scope)}`);
    } catch (error) {
      if (needsCount(error)) setRerunning(scope);
      else notify({ type: "error", content: sentence(error) });
    }
  };
  const cancel = async () => {
    const { NotBegunCount: waiting = 0, StoppingCount: running = 0, EndedCount: ended = 0 } = await cancelCommand(command.CommandId);
    notify({ type: "info", content: t("cancelled", { waiting, running, ended }) });
    void client.invalidateQueries({ queryKey: ["command", command.CommandId] });
  };
  const copyLink = () =>
    navigator.clipboard.writeText(location.href).then(
      () => notify({ type: "success", content: t("linkCopied") }),
      () => notify({ type: "error", content: t("copyFailed") }),
    );
  const noFailed = () => {
    if (!isDone) return t("rerunNotYet");
    return failed === 0 ? t("rerunNoneFailed") : undefined;
  };
  const failedReason = noFailed();

  return (
    <>
      <Header
        variant="h1"
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="copy" onClick={() => void copyLink()}>
              {t("copyLink")}
            </Button>
            <Button disabled={isDone} disabledReason={t("finishedReason")} onClick={() => setCancelling(true)}>
              {t("cancelCommand")}
            </Button>
            <ButtonDropdown
              items={[
                {
                  id: "failed",
                  text: t("rerunFailed", { count: failed }),
                  disabled: failedReason !== undefined,
                  ...(failedReason ? { disabledReason: failedReason } : {}),
                },
                { id: "all", text: t("rerunAll") },
              ]}
              onItemClick={({ detail }) => void rerun(detail.id === "failed" ? "failed" : "all")}
            >
              {t("rerun")}
            </ButtonDropdown>
          </SpaceBetween>
        }
      >
        {title}
      </Header>
      {rerunning && <RerunDialog command={command} scope={rerunning} count={countOf(rerunning)} onClose={() => setRerunning(undefined)} />}
      {isCancelling && (
        <ConfirmAction title={t("cancelTitle")} action={t("cancelCommand")} onConfirm={cancel} onClose={() => setCancelling(false)}>
          {t("cancelText")}
        </ConfirmAction>
      )}
    </>
  );
}
