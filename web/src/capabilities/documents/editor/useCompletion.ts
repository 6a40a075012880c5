import { type KeyboardEvent, type RefObject, type SyntheticEvent, useState } from "react";
import { type Completion, type Suggestion, complete } from "./completion";
import { newLine } from "./indent";
import { type Anchor, anchorOf } from "./measures";

interface Open extends Completion {
  /** Which one Enter takes; -1 for none. */
  active: number;
  /** Where the cursor was; elsewhere nothing of this holds. */
  position: number;
  anchor: Anchor;
}

export interface Completing {
  open: Open | undefined;
  close: () => void;
  take: (suggestion: Suggestion) => void;
  onKeyDown: (event: KeyboardEvent) => void;
  onInput: (event: SyntheticEvent<HTMLTextAreaElement>) => void;
  onSelect: () => void;
}

/** What a browser calls the key that ends a composition, when it says so a moment too late. */
const OF_INPUT_METHOD = 229;

/** What may be written at the cursor, proposed while somebody types and on Ctrl-Space or Alt-↓. An input method keeps its keys. */
export function useCompletion(area: RefObject<HTMLTextAreaElement | null>, format: string, type: string): Completing {
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const propose = (isAsked: boolean) => {
    const field = area.current;
    if (!field || field.selectionStart !== field.selectionEnd) return close();
    const found = complete({ text: field.value, format, type }, field.selectionStart);
    // Where nothing was typed yet, Enter is still a new line, unless somebody asked.
    const active = isAsked || (found?.word ?? "") !== "" ? 0 : -1;
    const isWanted = isAsked || active === 0 || (found !== undefined && found.from < field.selectionStart) || isAfterColon(field);
    return setOpen(found && isWanted ? { ...found, active, position: field.selectionStart, anchor: anchorOf(field, found.from) } : undefined);
  };
  const take = ({ insert }: Suggestion) => {
    const field = area.current;
    if (!field || !open) return;
    field.setSelectionRange(open.from, open.to);
    write(field, insert);
    // A member's value comes next.
    if (insert.endsWith(": ")) propose(false);
    else close();
  };
  const move = (by: number) => {
    if (!open) return;
    const { length } = open.suggestions;
    setOpen({ ...open, active: open.active < 0 && by < 0 ? length - 1 : (open.active + by + length) % length });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.keyCode === OF_INPUT_METHOD) return;
    const isCall = (event.key === " " && event.ctrlKey) || (event.key === "ArrowDown" && event.altKey);
    const chosen = open?.suggestions[open.active];
    const field = area.current;
    if (event.key === "Enter" && !chosen && field && !event.shiftKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      write(field, newLine(field.value, field.selectionStart, format));
      close();
      return;
    }
    const act = isCall ? () => propose(true) : open && actOf(event, { move, close, take: chosen && (() => take(chosen)) });
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  const onInput = ({ nativeEvent }: SyntheticEvent<HTMLTextAreaElement>) => {
    if (isTyped(nativeEvent as InputEvent)) propose(false);
    else close();
  };
  const onSelect = () => {
    if (open && area.current?.selectionStart !== open.position) close();
  };
  return { open, close, take, onKeyDown, onInput, onSelect };
}

/** The browser's own way where it has one, so that undo takes it back; the change comes as if it were typed. */
function write(field: HTMLTextAreaElement, text: string): void {
  if (document.execCommand?.("insertText", false, text)) return;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

interface Acts {
  move: (by: number) => void;
  close: () => void;
  take: (() => void) | undefined;
}

function actOf({ key, shiftKey }: KeyboardEvent, { move, close, take }: Acts): (() => void) | undefined {
  if (key === "ArrowDown") return () => move(1);
  if (key === "ArrowUp") return () => move(-1);
  if (key === "Escape") return close;
  const isTaken = key === "Enter" || (key === "Tab" && !shiftKey);
  return isTaken ? take : undefined;
}

/** One character more; not a paste, and nothing that an input method still changes. */
function isTyped({ inputType, data, isComposing }: InputEvent): boolean {
  if (isComposing) return false;
  return inputType === "insertText" && data?.length === 1 && data !== "\n";
}

function isAfterColon({ value, selectionStart }: HTMLTextAreaElement): boolean {
  return /[\w"'-]:\s$/.test(value.slice(0, selectionStart));
}
