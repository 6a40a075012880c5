import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useCommonTexts } from "@/components/texts";
import type { CommandDescription } from "@/platform/types";
import { useCommandTexts } from "../texts";
import { type Kept, cameSince, matcher } from "./lines";
import type { Wish } from "./OutputsFollower";
import { PaneLines } from "./PaneLines";
import { PaneStatus } from "./PaneStatus";
import { PaneTools } from "./PaneTools";
import { nameRoom, shownCount, widthOf } from "./shown";
import { useLineWords } from "./useLineWords";
import { useOutputs } from "./useOutputs";

declare module "react" {
  interface CSSProperties {
    "--pane-name"?: string;
  }
}

interface Props {
  wish: Wish;
  /** Of nodes that were chosen by an address, which says only their ids. */
  names: ReadonlyMap<string, string>;
  steps: CommandDescription["Steps"];
  /** Nodes that take part; where it is those that run, so many as run now. */
  total: number;
  isOver: boolean;
  /** Of those that take part, how many have begun. */
  begun: number;
  filter: string;
  onFilter: (filter: string) => void;
  /** Reads everything anew. */
  onRetry: () => void;
}

/** The lines of the nodes that take part, and what a reader can do with them. */
export function FollowedOutputs({ wish, names: chosenNames, steps, total, isOver, begun, filter, onFilter, onRetry }: Props) {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const followed = useOutputs(wish, isOver, begun);
  const [paused, setPaused] = useState<Kept>();
  const [isFollowing, setFollowing] = useState(true);
  const [wraps, setWraps] = useState(true);
  const { names, places } = followed;
  const words = useLineWords({ names, chosenNames, places, steps });
  const { nameOf } = words;
  const shows = useMemo(() => matcher(filter, nameOf), [filter, nameOf]);
  const kept = paused ?? followed.kept;
  const shown = filter.trim() === "" ? kept.count : shownCount(kept, shows);
  const empty = () => {
    if (shown > 0) return undefined;
    if (kept.count > 0) return t("paneNoMatch");
    return common(followed.isDone ? "outputEmpty" : "outputEmptyYet");
  };
  const said = empty();
  const room = nameRoom(Math.max(followed.longest, ...[...chosenNames.values()].map(widthOf)));
  return (
    <SpaceBetween size="s">
      {followed.error !== undefined && <ErrorState error={followed.error} title={t("paneLookFailed")} onRetry={onRetry} />}
      <PaneTools
        isPaused={paused !== undefined}
        onPause={() => setPaused(paused ? undefined : followed.kept)}
        waiting={paused ? cameSince(paused, followed.kept) : 0}
        isFollowing={isFollowing}
        onFollow={setFollowing}
        wraps={wraps}
        onWrap={setWraps}
        filter={filter}
        onFilter={onFilter}
      />
      <div className="pane-tools">
        <PaneStatus followed={followed} total={wish.choice === "running" ? total + followed.read : total} isOver={isOver} />
        {filter.trim() !== "" && <span>{t("paneMatches", { count: shown, of: kept.count })}</span>}
      </div>
      <div style={{ "--pane-name": `${room}ch` }}>
        <PaneLines
          kept={kept}
          shows={shows}
          words={words}
          label={t("paneLines")}
          before={kept.dropped > 0 && <div className="output-mark">{t("paneDropped", { count: kept.dropped })}</div>}
          empty={said !== undefined && <span className="output-quiet">{said}</span>}
          wraps={wraps}
          isFollowing={isFollowing && !paused}
          onFollow={setFollowing}
        />
      </div>
    </SpaceBetween>
  );
}
