import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { isTerminal } from "@/components/states";
import { UploadLine } from "@/components/uploads/UploadLine";
import { useLocale } from "@/platform/i18n/locale";
import { formatBytes } from "@/platform/time";
import type { StreamName } from "@/platform/types";
import { LiveOutputView } from "./LiveOutputView";
import { StepChoice } from "./StepChoice";
import { stepWithin } from "./steps";
import { StoredOutputView } from "./StoredOutputView";
import { useCommandTexts } from "./texts";
import type { Chosen } from "./useChosen";

interface Props {
  commandId: string;
  /** Its output goes to a bucket, too. */
  isUploaded: boolean;
  chosen: Chosen;
  step: number;
  stream: StreamName;
  onStep: (step: number) => void;
  onStream: (stream: StreamName) => void;
}

/** One node's output, step by step: followed live while it runs, read from the store afterwards. */
export function OutputPanel({ commandId, isUploaded, chosen, step: wanted, stream, onStep, onStream }: Props) {
  const t = useCommandTexts();
  const locale = useLocale();
  const { nodeId, steps, bytes } = chosen;
  const isDone = isTerminal(chosen.status);
  // A view that was followed live stays as it is when the node finishes: nothing jumps away under the reader.
  const [startedDone] = useState(isDone);
  const step = stepWithin(wanted, steps.length);
  const address = { commandId, nodeId, step, stream };
  // The sizes are of all steps together.
  const hasSizes = isDone && steps.length === 1;
  const label = (name: string, size: number | undefined) => (hasSizes && size !== undefined ? t("bytesOf", { name, bytes: formatBytes(size, locale) }) : name);
  const place = `${step} ${stream}`;
  const view = startedDone ? <StoredOutputView key={place} address={address} /> : <LiveOutputView key={place} address={address} />;
  return (
    <SpaceBetween size="s">
      {isUploaded && isDone && <UploadLine commandId={commandId} nodeId={nodeId} />}
      {chosen.stepsError !== undefined && <ErrorState error={chosen.stepsError} title={t("stepsFailed")} />}
      {steps.length > 1 && <StepChoice steps={steps} step={step} onChoose={onStep} />}
      <Tabs
        activeTabId={stream}
        onChange={({ detail }) => onStream(detail.activeTabId === "stderr" ? "stderr" : "stdout")}
        tabs={[
          { id: "stdout", label: label(t("stdout"), bytes?.stdout), content: stream === "stdout" && view },
          { id: "stderr", label: label(t("stderr"), bytes?.stderr), content: stream === "stderr" && view },
        ]}
      />
    </SpaceBetween>
  );
}
