import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useNotify } from "@/components/Notifications";
import { useAttempt } from "@/components/useAttempt";
import type { Upload } from "@/platform/types";
import { retryUpload } from "./api";
import { useUploadTexts } from "./texts";

const STATES = {
  Waiting: { type: "pending", text: "stateWaiting" },
  Uploaded: { type: "success", text: "stateUploaded" },
  Failed: { type: "error", text: "stateFailed" },
} as const;

interface Props {
  upload: Upload;
  onRetried: () => void;
}

/** How it stands with a share's output on its way to a bucket; what is not there is tried again from here. */
export function UploadState({ upload: { CommandId, NodeId, State }, onRetried }: Props) {
  const t = useUploadTexts();
  const notify = useNotify();
  const attempt = useAttempt();
  const retry = () =>
    void attempt(async () => {
      await retryUpload(CommandId, NodeId);
      notify({ type: "info", content: t("retried") });
      onRetried();
    });
  return (
    <>
      <StatusIndicator type={STATES[State].type}>{t(STATES[State].text)}</StatusIndicator>{" "}
      {State !== "Uploaded" && (
        <Button variant="inline-link" onClick={retry}>
          {t("retry")}
        </Button>
      )}
    </>
  );
}
