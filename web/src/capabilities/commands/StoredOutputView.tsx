import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useCommonTexts } from "@/components/texts";
import { useLocale } from "@/platform/i18n/locale";
import { formatBytes } from "@/platform/time";
import type { OutputAddress } from "./api";
import { useStoredOutput } from "./useStoredOutput";
import "./commands.css";

export function StoredOutputView({ address }: { address: OutputAddress }) {
  const t = useCommonTexts();
  const locale = useLocale();
  const [wrap, setWrap] = useState(true);
  const output = useStoredOutput(address, true);
  if (output.isLoading) return <StatusIndicator type="loading">{t("loading")}</StatusIndicator>;
  const isEmpty = output.head === "" && output.tail === "" && output.omittedBytes === 0;
  const isCutShown = output.omittedBytes > 0 && (output.tail !== "" || output.leftBytes === 0);
  return (
    <SpaceBetween size="s">
      {output.error !== null && <ErrorState error={output.error} />}
      <div className="output-tools">
        <Toggle checked={wrap} onChange={({ detail }) => setWrap(detail.checked)}>
          {t("outputWrap")}
        </Toggle>
        {!isEmpty && (
          <CopyToClipboard
            variant="icon"
            textToCopy={output.head + output.tail}
            copyButtonAriaLabel={t("copy")}
            copySuccessText={t("copied")}
            copyErrorText={t("copyFailed")}
          />
        )}
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
      <pre className={wrap ? "code-block output-text wraps" : "code-block output-text"} tabIndex={0} role="region" aria-label={t(address.stream === "stderr" ? "outputStderr" : "outputStdout")}>
        {output.head}
        {isCutShown && <span className="output-mark">{t("outputCut", { bytes: formatBytes(output.omittedBytes, locale) })}</span>}
        {output.tail}
        {isEmpty && <span className="output-quiet">{t("outputEmpty")}</span>}
      </pre>
      {output.leftBytes > 0 && (
        <Button loading={output.isLoadingMore} onClick={output.more}>
          {t("outputMore", { left: formatBytes(output.leftBytes, locale) })}
        </Button>
      )}
    </SpaceBetween>
  );
}
