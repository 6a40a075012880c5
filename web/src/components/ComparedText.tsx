import { type Line, compareLines } from "./lines";

interface Props {
  before: string;
  after: string;
  label: string;
}

const SIGNS: Record<Line["kind"], string> = { same: " ", removed: "-", added: "+" };

/** What changed from one text to another, line by line, marked by sign as well as by colour. */
export function ComparedText({ before, after, label }: Props) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- long lines scroll, so the keyboard must reach them
    <pre className="code-block compared" role="region" tabIndex={0} aria-label={label}>
      {compareLines(before, after).map((line, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- lines repeat and never move
        <div key={at} className={`compared-${line.kind}`}>
          {SIGNS[line.kind]} {line.text}
        </div>
      ))}
    </pre>
  );
}
