import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import { useCommonTexts } from "./texts";

interface Props {
  text: string;
  /** Names what is copied, for those who cannot see it. */
  label: string;
}

/** A line or block to paste somewhere, with its copy button. */
export function CopyLine({ text, label }: Props) {
  const t = useCommonTexts();
  return (
    <div className="copy-line">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- long lines scroll, so the keyboard must reach them */}
      <pre className="code-block" aria-label={label} tabIndex={0} role="region">
        {text}
      </pre>
      <CopyToClipboard
        variant="button"
        textToCopy={text}
        copyButtonText={t("copy")}
        copyButtonAriaLabel={`${t("copy")}: ${label}`}
        copySuccessText={t("copied")}
        copyErrorText={t("copyFailed")}
      />
    </div>
  );
}
