import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Toggle from "@cloudscape-design/components/toggle";
import { useCommonTexts } from "@/components/texts";
import type { LogEvent } from "@/platform/types";
import { plain } from "./LogLine";
import { useLogsTexts } from "./texts";

interface Props {
  count: number;
  /** Everything was searched. */
  isComplete: boolean;
  isFollowing: boolean;
  /** Why it cannot be followed. */
  followReason: string | undefined;
  onFollow: (isFollowing: boolean) => void;
  batches: readonly (readonly LogEvent[])[];
}

export function ResultTools({ count, isComplete, isFollowing, followReason, onFollow, batches }: Props) {
  const t = useLogsTexts();
  const common = useCommonTexts();
  return (
    <div className="log-tools">
      <span role="status">{t(isComplete ? "lineCount" : "lineCountMore", { count })}</span>
      <Toggle
        checked={isFollowing}
        disabled={followReason !== undefined}
        {...(followReason === undefined ? {} : { description: followReason })}
        onChange={({ detail }) => onFollow(detail.checked)}
      >
        {t("follow")}
      </Toggle>
      {isFollowing && <StatusIndicator type="in-progress">{t("following")}</StatusIndicator>}
      {count > 0 && (
        <CopyToClipboard
          variant="icon"
          textToCopy={batches.flatMap((events) => events.map(({ message }) => plain(message))).join("\n")}
          copyButtonAriaLabel={t("copyLines")}
          copySuccessText={common("copied")}
          copyErrorText={common("copyFailed")}
        />
      )}
    </div>
  );
}
