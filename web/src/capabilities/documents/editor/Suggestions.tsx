import { useDocumentTexts } from "../texts";
import type { Suggestion } from "./completion";
import type { Scroll } from "./measures";

interface Props {
  id: string;
  suggestions: readonly Suggestion[];
  active: number;
  place: Scroll;
  onTake: (suggestion: Suggestion) => void;
}

/** So many that none is hidden: the list moves along instead of scrolling. */
export const SHOWN_MOST = 8;

/** As wide as the style sheet has it; where the text is narrower the list begins with it. */
const WIDTH_PX = 320;

export function optionId(list: string, at: number): string {
  return `${list}-${at}`;
}

/** What may be written at the cursor. The focus stays in the text; the keys are its own. */
export function Suggestions({ id, suggestions, active, place, onTake }: Props) {
  const t = useDocumentTexts();
  const first = Math.min(Math.max(active - SHOWN_MOST + 1, 0), Math.max(suggestions.length - SHOWN_MOST, 0));
  return (
    <div id={id} className="suggestions" role="listbox" aria-label={t("suggestions")} style={{ top: place.top, left: `max(0px, min(${place.left}px, 100% - ${WIDTH_PX}px))` }}>
      {suggestions.slice(first, first + SHOWN_MOST).map((suggestion, offset) => {
        const at = first + offset;
        return (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the text has the focus and the keys
          <div
            key={suggestion.label}
            id={optionId(id, at)}
            role="option"
            aria-selected={at === active}
            aria-setsize={suggestions.length}
            aria-posinset={at + 1}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onTake(suggestion)}
          >
            <span>{suggestion.label}</span>
            {suggestion.isRequired && <small>{t("suggestionNeeded")}</small>}
          </div>
        );
      })}
      {suggestions.length > SHOWN_MOST && <div className="suggestions-more" aria-hidden="true">{`${Math.max(active, 0) + 1} / ${suggestions.length}`}</div>}
    </div>
  );
}
