import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { isTerminal } from "@/components/states";
import { UploadLine } from "@/components/uploads/UploadLine";
import { useLocale } from "@/platform/i18n/locale";
import { formatBytes } from "@/platform/time";
import type { Invocation, StreamName } from "@/platform/types";
import { LiveOutputView } from "./LiveOutputView";
import { StoredOutputView } from "./StoredOutputView";
import { useCommandTexts } from "./texts";

interface Props {
  commandId: string;
  /** Its output goes to a bucket, too. */
  isUploaded: boolean;
  invocation: Invocation;
  stream: StreamName;
  onStream: (stream: StreamName) => void;
}

/** One node's output: followed live while it runs, read from the store afterwards. */
export function OutputPanel({ commandId, isUploaded, invocation, stream, onStream }: Props) {
  const t = useCommandTexts();
  const locale = useLocale();
  const isDone = isTerminal(invocation.Status);
  // A view that was followed live stays as it is when the node finishes: nothing jumps away under the reader.
  const [startedDone] = useState(isDone);
  const address = { commandId, nodeId: invocation.NodeId, stream };
  const label = (name: string, bytes: number) => (isDone ? t("bytesOf", { name, bytes: formatBytes(bytes, locale) }) : name);
  const view = startedDone ? <StoredOutputView key={stream} address={address} /> : <LiveOutputView key={stream} address={address} />;
  return (
    <SpaceBetween size="s">
      {isUploaded && isDone && <UploadLine commandId={commandId} nodeId={invocation.NodeId} />}
      <Tabs
        activeTabId={stream}
        onChange={({ detail }) => onStream(detail.activeTabId === "stderr" ? "stderr" : "stdout")}
        tabs={[
          { id: "stdout", label: label(t("stdout"), invocation.StdoutBytes), content: stream === "stdout" && view },
          { id: "stderr", label: label(t("stderr"), invocation.StderrBytes), content: stream === "stderr" && view },
        ]}
      />
    </SpaceBetween>
  );
}
