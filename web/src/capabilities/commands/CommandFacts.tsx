import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import { RouteLink } from "@/components/RouteLink";
import { TimeAt } from "@/components/TimeAt";
import { documentAt, logsOf } from "@/platform/links";
import type { Approval, WholeCommand } from "@/platform/types";
import { DecisionBadge } from "./DecisionBadge";
import { NodeNames } from "./NodeNames";
import { paceText } from "./pace";
import { settingItems } from "./settings";
import { IDS_SHOWN, hasOnlyIds, targetsText } from "./targetsText";
import { useCommandTexts } from "./texts";

interface Props {
  command: WholeCommand;
  /** What a second person said about it, where one was asked. */
  approval: Approval | undefined;
}

export function CommandFacts({ command, approval }: Props) {
  const t = useCommandTexts();
  const run = command.Parameters?.["executionTimeout"]?.[0] ?? "3600";
  const { OutputS3BucketName: bucket, LogGroup: logGroup } = command;
  const version = /^\d+$/.test(command.DocumentVersion) ? command.DocumentVersion : undefined;
  return (
    <KeyValuePairs
      columns={4}
        minColumnWidth={190}
      items={[
        { label: t("requested"), value: <TimeAt at={command.RequestedDateTime} /> },
        { label: t("requestedBy"), value: command.RequestedBy },
        { label: t("document"), value: <RouteLink to={documentAt(command.DocumentName, version)}>{command.DocumentName}</RouteLink> },
        { label: t("targets"), value: hasOnlyIds(command) ? <NodeNames ids={command.InstanceIds ?? []} most={IDS_SHOWN} /> : targetsText(command) },
        { label: t("timeouts"), value: t("timeoutsText", { wait: command.TimeoutSeconds ?? "–", run }) },
        { label: t("pace"), value: paceText(command, t) },
        ...settingItems(command.RunSettings, t),
        ...(bucket ? [{ label: t("outputPlace"), value: [bucket, command.OutputS3KeyPrefix].filter(Boolean).join("/") }] : []),
        ...(logGroup ? [{ label: t("logGroup"), value: <RouteLink to={logsOf(logGroup, `${command.CommandId}/`)}>{logGroup}</RouteLink> }] : []),
        { label: t("commandId"), value: <code>{command.CommandId}</code> },
        ...(approval && approval.Decision !== "Open" ? [{ label: t("decision"), value: <Decided approval={approval} /> }] : []),
      ]}
    />
  );
}

function Decided({ approval: { Decision, DecidedBy, Reason } }: { approval: Approval }) {
  return (
    <>
      <DecisionBadge decision={Decision} /> {[DecidedBy, Reason].filter(Boolean).join(": ")}
    </>
  );
}
