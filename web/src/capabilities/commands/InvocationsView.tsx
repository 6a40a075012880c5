import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo } from "react";
import { BottomPanel } from "@/components/BottomPanel";
import { CsvButton } from "@/components/CsvButton";
import { EmptyState } from "@/components/EmptyState";
import { QueryTable } from "@/components/QueryTable";
import { isTerminal } from "@/components/states";
import { useList } from "@/components/useList";
import { usePages } from "@/platform/pages";
import type { Command, Invocation, StreamName } from "@/platform/types";
import { searchInvocations } from "./api";
import { invocationColumns } from "./invocationColumns";
import { allInvocations, csvColumns } from "./invocationsCsv";
import { OutputPanel } from "./OutputPanel";
import { stepParam } from "./steps";
import { useCommandTexts } from "./texts";
import { useChosen } from "./useChosen";

const POLL_MS = 5000;

interface Props {
  command: Command;
  states: readonly string[];
  nodeId: string | undefined;
  step: number;
  stream: StreamName;
  onChange: (changes: Record<string, string | undefined>) => void;
}

/** The nodes of a command and, below, the output of the one that is looked at. */
export function InvocationsView({ command, states, nodeId, step, stream, onChange }: Props) {
  const t = useCommandTexts();
  const list = useList("invocations");
  const commandId = command.CommandId;
  const pages = usePages<Invocation>({
    queryKey: ["invocations", commandId, states],
    fetchPage: (cursor, count, signal) => searchInvocations(commandId, states, cursor, count, signal),
    size: list.size,
    refetchInterval: isTerminal(command.Status) ? false : POLL_MS,
  });
  const chosenId = (command.TargetCount === 1 ? pages.items[0]?.NodeId : undefined) ?? nodeId;
  const chosen = useChosen(commandId, chosenId, pages.items.find((item) => item.NodeId === chosenId));
  const columns = useMemo(
    () => invocationColumns(t, chosenId, (item) => onChange({ node: item.NodeId, stream: item.StdoutBytes === 0 && item.StderrBytes > 0 ? "stderr" : undefined })),
    // oxlint-disable-next-line react/exhaustive-deps -- the address is replaced at each choice; the columns need not be
    [t, chosenId],
  );
  const isOnly = command.TargetCount === 1 && states.length === 0;
  const title = chosen ? t("outputOf", { name: chosen.name }) : "";
  const output = chosen && (
    <OutputPanel
      key={chosen.nodeId}
      commandId={commandId}
      isUploaded={command.OutputS3BucketName !== ""}
      chosen={chosen}
      step={step}
      stream={stream}
      onStep={(next) => onChange({ step: stepParam(next) })}
      onStream={(next) => onChange({ stream: next === "stderr" ? next : undefined })}
    />
  );

  return (
    <SpaceBetween size="l">
      <QueryTable
        label={t("nodes")}
        pages={pages}
        columns={columns}
        trackBy={(item) => item.NodeId}
        variant="borderless"
        {...(isOnly ? {} : { list })}
        header={
          <div className="list-tools">
            <CsvButton fileName={`command-${commandId}`} columns={csvColumns(t)} fetchRows={(signal) => allInvocations(commandId, states, signal)} />
          </div>
        }
        empty={<EmptyState title={t("noInvocations")}>{t(states.length > 0 ? "noInvocationsHelp" : "noTargetsHelp")}</EmptyState>}
      />
      {output && isOnly && <Container header={<Header variant="h2">{title}</Header>}>{output}</Container>}
      {output && !isOnly && (
        <BottomPanel header={title} onClose={() => onChange({ node: undefined, step: undefined, stream: undefined })}>
          {output}
        </BottomPanel>
      )}
      {!output && pages.items.length > 0 && <Box color="text-body-secondary">{t("outputChoose")}</Box>}
    </SpaceBetween>
  );
}
