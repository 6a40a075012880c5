import Button from "@cloudscape-design/components/button";
import { AnsiStripper } from "@/components/ansi";
import { useNotify } from "@/components/Notifications";
import { useLogsTexts } from "./texts";

/** Without colours and cursor movements. */
export function plain(message: string): string {
  return new AnsiStripper().strip(message);
}

/** One line as it was written, with a button that copies it. */
export function LogLine({ message }: { message: string }) {
  const t = useLogsTexts();
  const notify = useNotify();
  const text = plain(message);
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => notify({ type: "success", content: t("lineCopied") }),
      () => notify({ type: "error", content: t("copyFailed") }),
    );
  return (
    <li className="log-line">
      <code>{text || " "}</code>
      <span className="log-copy">
        <Button variant="inline-icon" iconName="copy" ariaLabel={t("copyLine")} onClick={copy} />
      </span>
    </li>
  );
}
