import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Toggle from "@cloudscape-design/components/toggle";
import { memo, useRef, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useCommonTexts } from "@/components/texts";
import { useStayAtEnd } from "@/components/useStayAtEnd";
import { useLocale } from "@/platform/i18n/locale";
import { formatBytes } from "@/platform/time";
import type { OutputAddress } from "./api";
import { useLiveOutput } from "./useLiveOutput";
import "./commands.css";

export function LiveOutputView({ address }: { address: OutputAddress }) {
  const t = useCommonTexts();
  const locale = useLocale();
  const { shown, isEnded, error } = useLiveOutput(address, true);
  const [follow, setFollow] = useState(true);
  const [wrap, setWrap] = useState(true);
  const box = useRef<HTMLPreElement>(null);

  const scrolling = useStayAtEnd(box, follow, setFollow);

  return (
    <SpaceBetween size="s">
      <div className="output-tools">
        {!isEnded && <StatusIndicator type="in-progress">{t("outputLive")}</StatusIndicator>}
        <Toggle checked={follow} onChange={({ detail }) => setFollow(detail.checked)}>
          {t("outputFollow")}
        </Toggle>
        <Toggle checked={wrap} onChange={({ detail }) => setWrap(detail.checked)}>
          {t("outputWrap")}
        </Toggle>
      </div>
      {error !== undefined && <ErrorState error={error} />}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
      <pre className={wrap ? "code-block output-text wraps" : "code-block output-text"} ref={box} {...scrolling} tabIndex={0} role="log" aria-label={t("outputLive")}>
        {shown.dropped > 0 && <span className="output-mark">{t("outputDropped", { bytes: formatBytes(shown.dropped, locale) })}</span>}
        {shown.chunks.map((chunk) => (
          <Piece key={chunk.id} text={chunk.text} />
        ))}
        {shown.chunks.length === 0 && <span className="output-quiet">{isEnded ? t("outputEmpty") : t("outputEmptyYet")}</span>}
      </pre>
    </SpaceBetween>
  );
}

const Piece = memo(function Piece({ text }: { text: string }) {
  return <span>{text}</span>;
});
