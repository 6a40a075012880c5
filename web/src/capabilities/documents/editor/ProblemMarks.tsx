import type { DocumentProblem } from "@/platform/types";
import { LINE_PX, type Scroll } from "./measures";

interface Props {
  lines: readonly string[];
  problems: readonly DocumentProblem[];
  scroll: Scroll;
}

/** A line under each word that something is said about. What is said stands below the text, for everybody. */
export function ProblemMarks({ lines, problems, scroll }: Props) {
  return (
    <div className="problem-marks" aria-hidden="true">
      <div style={{ transform: `translate(${-scroll.left}px, ${-scroll.top}px)` }}>
        {problems
          .filter(({ Line }) => Line > 0)
          .map(({ Line, Column, Severity, Path, Message }) => {
            const characters = Array.from(lines[Line - 1] ?? "");
            const rest = characters.slice(Column - 1).join("");
            const [word] = /^["']?[^\s"',]+/.exec(rest) ?? [" "];
            return (
              <div key={`${Line}:${Column}:${Path}:${Message}`} style={{ insetBlockStart: (Line - 1) * LINE_PX }}>
                {/* Unseen letters give the mark its place and its width. */}
                <span className="unseen">{characters.slice(0, Column - 1).join("")}</span>
                <span className={`problem-mark ${Severity}`}>
                  <span className="unseen">{word.replace(/:$/, "")}</span>
                </span>
              </div>
            );
          })}
      </div>
    </div>
  );
}
