import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { ApiError } from "@/platform/errors";
import { useCommonTexts } from "./texts";

interface Props {
  error: unknown;
  title?: string;
  onRetry?: () => void;
}

/** What could not be done, in the hub's words, with the request id for its log. */
export function ErrorState({ error, title, onRetry }: Props) {
  const t = useCommonTexts();
  const api = error instanceof ApiError ? error : undefined;
  // The shell tells that the hub is silent, and loads everything anew when it is back: a page only waits.
  if (api?.isUnreachable && onRetry) {
    return (
      <Box textAlign="center" padding="l" color="text-body-secondary">
        <StatusIndicator type="loading">{t("waitingForHub")}</StatusIndicator>
      </Box>
    );
  }
  return (
    <Alert
      type="error"
      header={title ?? t("loadFailed")}
      statusIconAriaLabel={t("stateFailed")}
      action={onRetry && <Button onClick={onRetry}>{t("retry")}</Button>}
    >
      {api?.isUnreachable ? t("unreachable") : sentence(error)}
      {api && !api.isUnreachable && (
        <Box variant="small" color="text-body-secondary" display="block">
          {api.code}
          {api.requestId && ` · ${t("requestId", { id: api.requestId })}`}
        </Box>
      )}
    </Alert>
  );
}

/** The hub's messages start in lower case and have no dot; a person reads a sentence. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
