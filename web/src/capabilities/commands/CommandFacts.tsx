import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import { TimeAt } from "@/components/TimeAt";
import type { Command } from "@/platform/types";
import { NodeNames } from "./NodeNames";
import { paceText } from "./pace";
import { IDS_SHOWN, hasOnlyIds, targetsText } from "./targetsText";
import { useCommandTexts } from "./texts";

export function CommandFacts({ command }: { command: Command }) {
  const t = useCommandTexts();
  const run = command.Parameters?.["executionTimeout"]?.[0] ?? "3600";
  return (
    <KeyValuePairs
      columns={4}
        minColumnWidth={190}
      items={[
        { label: t("requested"), value: <TimeAt at={command.RequestedDateTime} /> },
        { label: t("targets"), value: hasOnlyIds(command) ? <NodeNames ids={command.InstanceIds ?? []} most={IDS_SHOWN} /> : targetsText(command) },
        { label: t("timeouts"), value: t("timeoutsText", { wait: command.TimeoutSeconds ?? "–", run }) },
        { label: t("pace"), value: paceText(command, t) },
        { label: t("commandId"), value: <code>{command.CommandId}</code> },
      ]}
    />
  );
}
