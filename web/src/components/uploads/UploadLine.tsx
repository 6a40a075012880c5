import Box from "@cloudscape-design/components/box";
import { useQuery } from "@tanstack/react-query";
import { uploadQuery } from "./api";
import { useUploadTexts } from "./texts";
import { UploadState } from "./UploadState";

const POLL_MS = 5000;

/** How it stands with the upload of a node's output; nothing where none was asked for, or nothing was written. */
export function UploadLine({ commandId, nodeId }: { commandId: string; nodeId: string }) {
  const t = useUploadTexts();
  const { data: upload, refetch } = useQuery({
    ...uploadQuery(commandId, nodeId),
    refetchInterval: ({ state }) => (state.data && state.data.State !== "Uploaded" ? POLL_MS : false),
  });
  if (!upload) return null;
  return (
    <Box>
      {t("upload")} <code>{`${upload.Bucket}/${upload.KeyPrefix}`}</code>: <UploadState upload={upload} onRetried={() => void refetch()} />
      {upload.LastError && <Box color="text-body-secondary">{upload.LastError}</Box>}
    </Box>
  );
}
