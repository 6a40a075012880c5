import { type ReactNode, memo, useRef } from "react";
import { useStayAtEnd } from "@/components/useStayAtEnd";
import type { Block, Kept, PaneLine } from "./lines";
import "../commands.css";
import "./pane.css";

/** Colours in the style sheet. */
const HUES = 8;

/** What stands beside a line's text. The same object as long as it says the same: lines are drawn once. */
export interface LineWords {
  nameOf: (nodeId: string) => string;
  placeOf: (nodeId: string) => number;
  /** Nothing where a document has one step. */
  stepOf: (step: number) => string | undefined;
  noteOf: (note: NonNullable<PaneLine["note"]>) => string;
  stderr: string;
}

interface Props {
  kept: Kept;
  shows: (line: PaneLine) => boolean;
  words: LineWords;
  label: string;
  /** Said instead of lines, and in front of them. */
  empty: ReactNode;
  before: ReactNode;
  wraps: boolean;
  isFollowing: boolean;
  onFollow: (isFollowing: boolean) => void;
}

/** The lines of all nodes in the order in which they came. It stays at their end until somebody scrolls up. */
export function PaneLines({ kept, shows, words, label, empty, before, wraps, isFollowing, onFollow }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const scrolling = useStayAtEnd(box, isFollowing, onFollow);
  return (
    // What comes is not read out line by line: of many nodes it would never end.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
    <div className={`code-block pane-lines${wraps ? " wraps" : ""}`} ref={box} {...scrolling} tabIndex={0} role="log" aria-live="off" aria-label={label}>
      {before}
      {kept.blocks.map((block) => (
        <Lines key={block.id} block={block} shows={shows} words={words} />
      ))}
      {empty}
    </div>
  );
}

interface LinesProps {
  block: Block;
  shows: (line: PaneLine) => boolean;
  words: LineWords;
}

const Lines = memo(function Lines({ block, shows, words }: LinesProps) {
  // oxlint-disable-next-line react/no-array-index-key -- a line keeps its place
  return block.lines.map((line, at) => shows(line) && <Line key={at} line={line} words={words} />);
});

function Line({ line, words }: { line: PaneLine; words: LineWords }) {
  const name = words.nameOf(line.nodeId);
  const step = line.note ? undefined : words.stepOf(line.step);
  const isErr = line.stream === "stderr" && !line.note;
  return (
    <div className={isErr ? "pane-line is-stderr" : "pane-line"}>
      <span className={`pane-node pane-hue-${words.placeOf(line.nodeId) % HUES}`} title={name}>
        {name}
      </span>{" "}
      {step !== undefined && <span className="pane-tag">{step}</span>}
      {isErr && <span className="pane-tag">{words.stderr}</span>}
      <span className={line.note ? "pane-note" : "pane-text"}>{line.note ? words.noteOf(line.note) : line.text}</span>
    </div>
  );
}
