import { type RefObject, useEffect, useRef, useState } from "react";
import { preference } from "@/platform/preferences";
import { attachmentToken } from "./api";
import { type ConnectionState, SessionConnection } from "./connection";
import { needsGuard } from "./paste";
import { type ShellTerminal, createTerminal } from "./terminal";

export interface Shell {
  state: ConnectionState;
  /** Set once the terminal is on the page. */
  view: ShellTerminal | undefined;
  connection: SessionConnection | undefined;
}

interface Options {
  sessionId: string;
  element: RefObject<HTMLElement | null>;
  gapText: (bytes: number) => string;
  onGuardedPaste: (text: string) => void;
  onSearch: () => void;
}

/** Ties terminal and connection to each other and to the page; everything is disposed when the page is left. */
export function useShell(options: Options): Shell {
  const { sessionId, element } = options;
  const latest = useRef(options);
  const [shell, setShell] = useState<Shell>({ state: { name: "connecting" }, view: undefined, connection: undefined });
  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => {
    const box = element.current;
    if (!box) return undefined;
    const view = createTerminal(box, { fontSize: preference("terminalFontSize"), screenReader: preference("terminalScreenReader") });
    const { terminal, fit } = view;
    const connection = new SessionConnection({
      sessionId,
      token: () => attachmentToken(sessionId),
      size: () => ({ cols: terminal.cols, rows: terminal.rows }),
      draw: (bytes, done) => terminal.write(bytes, done),
      onGap: (bytes) => terminal.write(`\r\n\x1b[7m ${latest.current.gapText(bytes)} \x1b[0m\r\n`),
      onState: (state) => setShell((before) => ({ ...before, state })),
    });
    setShell({ state: { name: "connecting" }, view, connection });
    const encoder = new TextEncoder();
    terminal.onData((text) => connection.input(encoder.encode(text)));
    terminal.onBinary((text) => connection.input(Uint8Array.from(text, (character) => character.charCodeAt(0))));
    terminal.onResize(({ cols, rows }) => connection.resize(cols, rows));
    terminal.onSelectionChange(() => {
      const text = terminal.getSelection();
      if (text && preference("terminalCopyOnSelect")) void navigator.clipboard?.writeText(text).catch(() => undefined);
    });
    terminal.attachCustomKeyEventHandler((event) => ownKeys(event, view, () => latest.current.onSearch()));
    const guard = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (!needsGuard(text)) return;
      event.preventDefault();
      event.stopPropagation();
      latest.current.onGuardedPaste(text);
    };
    box.addEventListener("paste", guard, true);
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(box);
    terminal.focus();
    void connection.connect();
    return () => {
      box.removeEventListener("paste", guard, true);
      observer.disconnect();
      connection.close();
      terminal.dispose();
    };
  }, [sessionId, element]);

  return shell;
}

/** Ctrl-Shift-C copies and Ctrl-Shift-F searches; every other key belongs to the shell. */
function ownKeys(event: KeyboardEvent, { terminal }: ShellTerminal, search: () => void): boolean {
  if (event.type !== "keydown" || !(event.ctrlKey || event.metaKey) || !event.shiftKey) return true;
  if (event.code === "KeyC" && terminal.hasSelection()) {
    event.preventDefault();
    void navigator.clipboard?.writeText(terminal.getSelection()).catch(() => undefined);
    return false;
  }
  if (event.code === "KeyF") {
    event.preventDefault();
    search();
    return false;
  }
  return true;
}
