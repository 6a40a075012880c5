import { useMemo } from "react";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import { type Fold, type Line, compareLines, folded } from "./lines";
import { useCommonTexts } from "./texts";

interface Props {
  before: string;
  after: string;
  label: string;
  /** So many equal lines are shown around a difference; all without it. */
  context?: number;
}

const SIGNS: Record<Line["kind"], string> = { same: " ", removed: "-", added: "+" };
/** So many lines a page bears. */
const SHOWN_MOST = 4000;

/** What changed from one text to another, line by line, told by sign and word as well as by colour. */
export function ComparedText({ before, after, label, context }: Props) {
  const t = useCommonTexts();
  const locale = useLocale();
  const { lines, isExact } = useMemo(() => compareLines(before, after), [before, after]);
  const entries: readonly (Line | Fold)[] = context === undefined ? lines : folded(lines, context);
  const count = (wanted: Line["kind"]) => lines.filter(({ kind }) => kind === wanted).length;
  const left = entries.length - SHOWN_MOST;
  return (
    <div>
      <p className="compared-count">
        {t("comparedCount", { added: count("added"), removed: count("removed") })}
        {!isExact && ` ${t("comparedBlocks")}`}
      </p>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- long lines scroll, so the keyboard must reach them */}
      <pre className="code-block compared" role="region" tabIndex={0} aria-label={label}>
        {entries.slice(0, SHOWN_MOST).map((entry, at) => (
          // oxlint-disable-next-line react/no-array-index-key -- lines repeat and never move
          <Entry key={at} entry={entry} />
        ))}
        {left > 0 && <div className="compared-folded">{t("comparedRest", { count: formatNumber(left, locale) })}</div>}
      </pre>
    </div>
  );
}

function Entry({ entry }: { entry: Line | Fold }) {
  const t = useCommonTexts();
  if (entry.kind === "folded") return <div className="compared-folded">{t("comparedFolded", { count: entry.count })}</div>;
  return (
    <div className={`compared-${entry.kind}`}>
      {entry.kind !== "same" && <span className="only-heard">{t(entry.kind === "added" ? "comparedAdded" : "comparedRemoved")} </span>}
      <span aria-hidden="true">{SIGNS[entry.kind]} </span>
      {entry.text}
    </div>
  );
}
