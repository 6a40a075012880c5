import { useCommandTexts } from "./texts";
import "./commands.css";

export function ScriptText({ text }: { text: string }) {
  const t = useCommandTexts();
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
    <pre className="code-block script-text" role="region" aria-label={t("script")} tabIndex={0}>
      {text}
    </pre>
  );
}
