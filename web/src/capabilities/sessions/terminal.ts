import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { type ITheme, Terminal } from "@xterm/xterm";

/** One dark petrol in both modes, as in the rest of the console. */
const THEME: ITheme = {
  background: "#0b2227",
  foreground: "#e3efee",
  cursor: "#5fd3c2",
  cursorAccent: "#0b2227",
  selectionBackground: "#2a5a60",
  black: "#16343a",
  red: "#ff8a80",
  green: "#7fd99a",
  yellow: "#e6c86e",
  blue: "#7db8f0",
  magenta: "#d3a4f0",
  cyan: "#5fd3c2",
  white: "#d5e3e2",
  brightBlack: "#7f9a9d",
  brightRed: "#ffb0a8",
  brightGreen: "#a4ecb8",
  brightYellow: "#f5df9a",
  brightBlue: "#a8d2fa",
  brightMagenta: "#e6c6fa",
  brightCyan: "#92e8db",
  brightWhite: "#ffffff",
};

const FONT = '"JetBrains Mono", "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK JP", monospace';

export interface TerminalSettings {
  fontSize: number;
  screenReader: boolean;
}

export interface ShellTerminal {
  terminal: Terminal;
  fit: FitAddon;
  search: SearchAddon;
}

export function createTerminal(element: HTMLElement, { fontSize, screenReader }: TerminalSettings): ShellTerminal {
  const terminal = new Terminal({
    theme: THEME,
    fontFamily: FONT,
    fontSize,
    screenReaderMode: screenReader,
    cursorBlink: true,
    scrollback: 10_000,
    allowProposedApi: true,
    macOptionIsMeta: true,
    rightClickSelectsWord: true,
  });
  const fit = new FitAddon();
  const search = new SearchAddon();
  terminal.loadAddon(fit);
  terminal.loadAddon(search);
  terminal.loadAddon(new WebLinksAddon());
  // A program on the node must neither read nor write the clipboard of whoever looks at it.
  terminal.parser.registerOscHandler(52, () => true);
  terminal.open(element);
  drawWithWebgl(terminal);
  fit.fit();
  return { terminal, fit, search };
}

export function applySettings({ terminal, fit }: ShellTerminal, { fontSize, screenReader }: TerminalSettings): void {
  terminal.options.fontSize = fontSize;
  terminal.options.screenReaderMode = screenReader;
  fit.fit();
}

/** WebGL where the browser has it; without, or when its context is lost, xterm draws with the DOM. */
function drawWithWebgl(terminal: Terminal): void {
  try {
    const webgl = new WebglAddon();
    webgl.onContextLoss(() => webgl.dispose());
    terminal.loadAddon(webgl);
  } catch {
    // No WebGL here.
  }
}

/** Everything the terminal still holds, as text. */
export function terminalText(terminal: Terminal): string {
  const buffer = terminal.buffer.active;
  let text = "";
  for (let row = 0; row < buffer.length; row++) {
    const line = buffer.getLine(row);
    if (!line) continue;
    if (row > 0 && !line.isWrapped) text += "\n";
    text += line.translateToString(true);
  }
  return `${text.trimEnd()}\n`;
}
