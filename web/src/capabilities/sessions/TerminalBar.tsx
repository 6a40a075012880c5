import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { RouteLink } from "@/components/RouteLink";
import { saveFile } from "@/components/saveFile";
import { usePreference } from "@/platform/preferences";
import { endSession } from "./api";
import type { ConnectionState } from "./connection";
import { type ShellTerminal, applySettings, terminalText } from "./terminal";
import { useSessionTexts } from "./texts";

const FONT_LEAST = 9;
const FONT_MOST = 28;

const STATUS: Record<ConnectionState["name"], { type: StatusIndicatorProps.Type; text: "connecting" | "attached" | "lost" | "inUse" | "ended" }> = {
  connecting: { type: "in-progress", text: "connecting" },
  attached: { type: "success", text: "attached" },
  lost: { type: "warning", text: "lost" },
  inUse: { type: "warning", text: "inUse" },
  ended: { type: "stopped", text: "ended" },
  failed: { type: "error", text: "lost" },
};

interface Props {
  title: string;
  nodeId: string;
  sessionId: string;
  state: ConnectionState;
  view: ShellTerminal | undefined;
  onSearch: () => void;
}

export function TerminalBar({ title, nodeId, sessionId, state, view, onSearch }: Props) {
  const t = useSessionTexts();
  const [fontSize, setFontSize] = usePreference("terminalFontSize");
  const [copyOnSelect, setCopyOnSelect] = usePreference("terminalCopyOnSelect");
  const [screenReader, setScreenReader] = usePreference("terminalScreenReader");
  const [isEnding, setEnding] = useState(false);
  const status = STATUS[state.name];

  const resizeFont = (step: number) => {
    const size = Math.min(Math.max(fontSize + step, FONT_LEAST), FONT_MOST);
    setFontSize(size);
    if (view) applySettings(view, { fontSize: size, screenReader });
  };

  const choose = (id: string) => {
    if (id === "larger") resizeFont(1);
    if (id === "smaller") resizeFont(-1);
    if (id === "copy") setCopyOnSelect(!copyOnSelect);
    if (id === "reader") {
      setScreenReader(!screenReader);
      if (view) applySettings(view, { fontSize, screenReader: !screenReader });
    }
    if (id === "save" && view) saveFile(`${sessionId}.log`, terminalText(view.terminal), "text/plain");
    view?.terminal.focus();
  };

  return (
    <div className="terminal-bar">
      <h1>{nodeId ? <RouteLink to={`/nodes/${nodeId}`} fontSize="heading-m">{title}</RouteLink> : title}</h1>
      <span role="status">
        <StatusIndicator type={status.type}>{t(status.text)}</StatusIndicator>
      </span>
      <span className="terminal-tools">
        <SpaceBetween direction="horizontal" size="xs">
          <Button iconName="search" variant="icon" ariaLabel={t("search")} onClick={onSearch} />
          <ButtonDropdown
            variant="icon"
            ariaLabel={t("settings")}
            expandToViewport
            items={[
              { id: "larger", text: `${t("fontLarger")} (${fontSize})`, disabled: fontSize >= FONT_MOST },
              { id: "smaller", text: t("fontSmaller"), disabled: fontSize <= FONT_LEAST },
              { id: "copy", text: t("copyOnSelect"), itemType: "checkbox", checked: copyOnSelect },
              { id: "reader", text: t("screenReader"), itemType: "checkbox", checked: screenReader },
              { id: "save", text: t("saveLog") },
            ]}
            onItemClick={({ detail }) => choose(detail.id)}
          />
          <Button disabled={state.name === "ended"} disabledReason={t("alreadyEnded")} onClick={() => setEnding(true)}>
            {t("endSelected")}
          </Button>
        </SpaceBetween>
      </span>
      {isEnding && (
        <ConfirmAction title={t("endTitle")} action={t("end")} onConfirm={() => endSession(sessionId)} onClose={() => setEnding(false)}>
          {t("endText", { name: title })}
        </ConfirmAction>
      )}
    </div>
  );
}
