import { useRef } from "react";
import type { DocumentProblem } from "@/platform/types";
import "./documents.css";

export interface CodeHandle {
  goTo: (offset: number, line: number) => void;
}

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Lines, from 1, with the worst that is said about them. */
  marks: ReadonlyMap<number, DocumentProblem["Severity"]>;
  handle: (handle: CodeHandle | null) => void;
}

const LINE_PX = 20;
const ROWS = { min: 16, max: 36 };

/** A text with its line numbers. The numbers scroll along and are nothing to those who listen. */
export function CodeField({ label, value, onChange, marks, handle }: Props) {
  const numbers = useRef<HTMLDivElement>(null);
  const take = (area: HTMLTextAreaElement | null) => {
    handle(area && { goTo: (offset, line) => goTo(area, offset, line) });
  };
  const lines = value.split("\n");
  return (
    <div className="code-field">
      <div className="code-numbers" aria-hidden="true">
        <div ref={numbers}>
          {lines.map((_, at) => (
            // oxlint-disable-next-line react/no-array-index-key -- a line's number is all there is to it
            <div key={at} className={marks.get(at + 1)}>
              {at + 1}
            </div>
          ))}
        </div>
      </div>
      <textarea
        ref={take}
        aria-label={label}
        rows={Math.min(ROWS.max, Math.max(ROWS.min, lines.length + 2))}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onScroll={({ currentTarget }) => {
          if (numbers.current) numbers.current.style.transform = `translateY(${-currentTarget.scrollTop}px)`;
        }}
      />
    </div>
  );
}

/** Puts the cursor there and brings it into view. */
function goTo(area: HTMLTextAreaElement, offset: number, line: number): void {
  area.focus();
  area.setSelectionRange(offset, offset);
  area.scrollTop = (line - 4) * LINE_PX;
}
