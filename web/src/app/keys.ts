import { useEffect } from "react";
import { ALL_ENTRIES } from "./navigation";

interface Actions {
  palette: () => void;
  help: () => void;
  go: (path: string) => void;
}

const GO_WITHIN_MS = 1500;

/** Listens on the whole document, but never takes a key from a field, a dialog or a focused terminal. */
export function useGlobalKeys(actions: Actions): void {
  useEffect(() => {
    let goUntil = 0;
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || inTerminal(event.target)) return;
      if (isPaletteKey(event)) {
        event.preventDefault();
        actions.palette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || hasDialog()) return;
      if (event.timeStamp < goUntil) {
        goUntil = 0;
        const entry = ALL_ENTRIES.find(({ key }) => key === event.key);
        if (entry) actions.go(entry.path);
        return;
      }
      if (event.key === "g") goUntil = event.timeStamp + GO_WITHIN_MS;
      if (event.key === "?") actions.help();
      if (event.key === "/" && focusFilter()) event.preventDefault();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [actions]);
}

function isPaletteKey(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k";
}

function inTerminal(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(".xterm") !== null;
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function hasDialog(): boolean {
  return document.querySelector('[role="dialog"][aria-modal="true"]:not([class*="hidden"])') !== null;
}

function focusFilter(): boolean {
  const input = document.querySelector<HTMLElement>('main input[type="search"], main input[role="combobox"], main input[type="text"]');
  input?.focus();
  return input !== null;
}
