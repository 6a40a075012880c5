import LiveRegion from "@cloudscape-design/components/live-region";
import { useId, useMemo, useRef, useState } from "react";
import type { DocumentProblem } from "@/platform/types";
import { marksOf } from "../rules";
import { useDocumentTexts } from "../texts";
import "./editor.css";
import { LineNumbers } from "./LineNumbers";
import { LINE_PX, type Scroll, placeOf } from "./measures";
import { ProblemMarks } from "./ProblemMarks";
import { optionId, SHOWN_MOST, Suggestions } from "./Suggestions";
import { useCompletion } from "./useCompletion";

export interface CodeHandle {
  goTo: (offset: number, line: number) => void;
}

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  format: string;
  type: string;
  problems: readonly DocumentProblem[];
  handle: (handle: CodeHandle | null) => void;
}

const ROWS = { min: 16, max: 36 };

/** A text with its line numbers, marked where something is said about it, and with proposals of what to write. */
export function CodeField({ label, value, onChange, format, type, problems, handle }: Props) {
  const t = useDocumentTexts();
  const list = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const [scroll, setScroll] = useState<Scroll>({ left: 0, top: 0 });
  const completing = useCompletion(area, format, type);
  const { open } = completing;
  const marks = useMemo(() => marksOf(problems), [problems]);
  const take = (element: HTMLTextAreaElement | null) => {
    area.current = element;
    handle(element && { goTo: (offset, line) => goTo(element, offset, line) });
  };
  const lines = value.split("\n");
  return (
    <div className="code-field">
      <div className="code-numbers" aria-hidden="true">
        <div style={{ transform: `translateY(${-scroll.top}px)` }}>
          <LineNumbers count={lines.length} marks={marks} />
        </div>
      </div>
      <div className="code-text">
        <ProblemMarks lines={lines} problems={problems} scroll={scroll} />
        <textarea
          ref={take}
          aria-label={label}
          aria-autocomplete="list"
          aria-haspopup="listbox"
          aria-controls={open ? list : undefined}
          aria-activedescendant={open && open.active >= 0 ? optionId(list, open.active) : undefined}
          rows={Math.min(ROWS.max, Math.max(ROWS.min, lines.length + 2))}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          value={value}
          onChange={(event) => onChange(event.target.value)}
          onInput={completing.onInput}
          onKeyDown={completing.onKeyDown}
          onSelect={completing.onSelect}
          onBlur={completing.close}
          onScroll={({ currentTarget }) => {
            setScroll({ left: currentTarget.scrollLeft, top: currentTarget.scrollTop });
          }}
        />
        {open && (
          <Suggestions
            id={list}
            suggestions={open.suggestions}
            active={open.active}
            place={placeOf(open.anchor, scroll, Math.min(open.suggestions.length, SHOWN_MOST))}
            onTake={completing.take}
          />
        )}
      </div>
      <LiveRegion hidden>{open ? t("suggestionsCount", { count: open.suggestions.length }) : ""}</LiveRegion>
    </div>
  );
}

/** Puts the cursor there and brings it into view. */
function goTo(area: HTMLTextAreaElement, offset: number, line: number): void {
  area.focus();
  area.setSelectionRange(offset, offset);
  area.scrollTop = (line - 4) * LINE_PX;
}
