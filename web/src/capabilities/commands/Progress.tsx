import SpaceBetween from "@cloudscape-design/components/space-between";
import ToggleButton from "@cloudscape-design/components/toggle-button";
import { CommandStatus } from "@/components/CommandStatus";
import { useStateWord } from "@/components/useStateWord";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { CommandDescription } from "@/platform/types";
import { ordered, stateClass } from "./progress";
import { useCommandTexts } from "./texts";
import "./commands.css";

interface Props {
  description: CommandDescription;
  chosen: readonly string[];
  onChoose: (state: string) => void;
}

/** How far the command is, by state; a state filters the list of nodes below. */
export function Progress({ description: { Command: command, States: states }, chosen, onChoose }: Props) {
  const t = useCommandTexts();
  const word = useStateWord();
  const locale = useLocale();
  const text = t("progressText", { done: formatNumber(command.CompletedCount, locale), total: formatNumber(command.TargetCount, locale) });
  const shown = ordered(states);
  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="l" alignItems="center">
        <CommandStatus command={command} />
        <span role="status">{text}</span>
        {command.HeldCount > 0 && <span>{t("heldText", { count: command.HeldCount })}</span>}
      </SpaceBetween>
      <div
        className="state-bar"
        role="progressbar"
        aria-label={t("progress")}
        aria-valuemin={0}
        aria-valuemax={command.TargetCount}
        aria-valuenow={command.CompletedCount}
        aria-valuetext={text}
      >
        {shown.map(({ StatusDetails, Count }) => (
          <span key={StatusDetails} className={stateClass(StatusDetails)} style={{ flexGrow: Count }} title={`${word(StatusDetails)}: ${Count}`} />
        ))}
      </div>
      <ul className="state-legend">
        {shown.map(({ StatusDetails, Count }) => (
          <li key={StatusDetails}>
            <ToggleButton pressed={chosen.includes(StatusDetails)} onChange={() => onChoose(StatusDetails)}>
              <span className={`state-dot ${stateClass(StatusDetails)}`} aria-hidden="true" /> {word(StatusDetails)} {formatNumber(Count, locale)}
            </ToggleButton>
          </li>
        ))}
      </ul>
    </SpaceBetween>
  );
}
