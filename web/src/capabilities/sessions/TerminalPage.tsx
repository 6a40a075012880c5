import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useParams } from "react-router";
import { usePage } from "@/components/usePage";
import { useLocale } from "@/platform/i18n/locale";
import { formatBytes } from "@/platform/time";
import { nodeNameQuery, sessionQuery } from "./api";
import { ConnectionBanner } from "./ConnectionBanner";
import { PasteGuard } from "./PasteGuard";
import { SearchBar } from "./SearchBar";
import { TerminalBar } from "./TerminalBar";
import { useSessionTexts } from "./texts";
import { useShell } from "./useShell";
import "@xterm/xterm/css/xterm.css";
import "./terminal.css";

export default function TerminalPage() {
  const { sessionId = "" } = useParams();
  return <Terminal key={sessionId} sessionId={sessionId} />;
}

function Terminal({ sessionId }: { sessionId: string }) {
  const t = useSessionTexts();
  const locale = useLocale();
  const box = useRef<HTMLDivElement>(null);
  const [paste, setPaste] = useState<string>();
  const [isSearching, setSearching] = useState(false);
  const session = useQuery(sessionQuery(sessionId));
  const nodeId = session.data?.Target ?? "";
  const node = useQuery(nodeNameQuery(nodeId));
  const name = node.data?.Name ?? nodeId;
  const title = name ? t("shellOn", { name }) : t("shell");
  const { state, view, connection } = useShell({
    sessionId,
    element: box,
    gapText: (bytes) => t("gap", { bytes: formatBytes(bytes, locale) }),
    onGuardedPaste: setPaste,
    onSearch: () => setSearching(true),
  });
  usePage(title);

  return (
    <div className="terminal-page">
      <TerminalBar title={title} nodeId={nodeId} sessionId={sessionId} state={state} view={view} onSearch={() => setSearching(!isSearching)} />
      <ConnectionBanner state={state} nodeId={nodeId} onConnect={(takeOver) => void connection?.connect(takeOver)} />
      {isSearching && view && (
        <SearchBar
          search={view.search}
          onClose={() => {
            setSearching(false);
            view.terminal.focus();
          }}
        />
      )}
      <section className="terminal-box" ref={box} aria-label={t("terminalLabel")} />
      {paste !== undefined && (
        <PasteGuard
          text={paste}
          onPaste={() => view?.terminal.paste(paste)}
          onClose={() => {
            setPaste(undefined);
            setTimeout(() => view?.terminal.focus(), 0);
          }}
        />
      )}
    </div>
  );
}
