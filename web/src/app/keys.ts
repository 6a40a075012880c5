import { useEffect } from "react";
import { moveRow, openRow, toggleRow } from "@/components/rowKeys";
import { preference } from "@/platform/preferences";
import { ALL_ENTRIES } from "./navigation";

interface Actions {
  palette: () => void;
  help: () => void;
  go: (path: string) => void;
}

const GO_WITHIN_MS = 1500;

/** Each says whether there was something to do. */
const LIST_KEYS: Record<string, () => boolean> = {
  "/": focusFilter,
  j: () => moveRow(1),
  k: () => moveRow(-1),
  x: toggleRow,
  Enter: openRow,
};

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
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || hasDialog() || !preference("singleKeys")) return;
      if (event.timeStamp < goUntil) {
        goUntil = 0;
        const entry = ALL_ENTRIES.find(({ key }) => key === event.key);
        if (entry) actions.go(entry.path);
        return;
      }
      if (event.key === "g") goUntil = event.timeStamp + GO_WITHIN_MS;
      if (event.key === "?") actions.help();
      if (LIST_KEYS[event.key]?.()) event.preventDefault();
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
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !NO_TEXT.has(target.type);
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName);
}

const NO_TEXT = new Set(["checkbox", "radio", "button", "submit"]);

function hasDialog(): boolean {
  return document.querySelector('[role="dialog"][aria-modal="true"]:not([class*="hidden"])') !== null;
}

function focusFilter(): boolean {
  const input = document.querySelector<HTMLElement>('main input[type="search"], main input[role="combobox"], main input[type="text"]');
  input?.focus();
  return input !== null;
}
