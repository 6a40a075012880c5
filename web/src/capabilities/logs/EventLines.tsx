import Button from "@cloudscape-design/components/button";
import { useRef, useState } from "react";
import { useStayAtEnd } from "@/components/useStayAtEnd";
import type { LogEvent } from "@/platform/types";
import { EventBatch } from "./EventBatch";
import { useLogsTexts } from "./texts";

interface Props {
  group: string;
  batches: readonly (readonly LogEvent[])[];
  /** Lines in front that the page no longer bears. */
  dropped: number;
  /** So many of the batches were read, the others came while it was followed. */
  read: number;
  isFollowing: boolean;
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
}

/** The lines found, each under the stream that it belongs to. */
export function EventLines({ group, batches, dropped, read, isFollowing, hasMore, isLoading, onMore }: Props) {
  const t = useLogsTexts();
  const box = useRef<HTMLDivElement>(null);
  // Who scrolls up reads on undisturbed, while lines go on to come.
  const [isAtEnd, setAtEnd] = useState(true);
  const scrolling = useStayAtEnd(box, isFollowing && isAtEnd, setAtEnd);

  const shown = (part: readonly (readonly LogEvent[])[], offset: number) =>
    // oxlint-disable-next-line react/no-array-index-key -- a batch keeps its place
    part.map((events, at) => <EventBatch key={offset + at} group={group} events={events} after={batches[offset + at - 1]?.at(-1)} />);
  const cameLater = batches.slice(read);
  const more = (
    <div className="log-more">
      {cameLater.length > 0 && <span>{t("gap")}</span>}
      <Button loading={isLoading} onClick={onMore}>
        {t("more")}
      </Button>
    </div>
  );
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
    <div className="log-lines" ref={box} {...scrolling} role="log" aria-live={isFollowing ? "polite" : "off"} aria-label={t("linesOf", { name: group })} tabIndex={0}>
      {dropped > 0 && <div className="log-more">{t("dropped", { count: dropped })}</div>}
      <div data-rows>{shown(batches.slice(0, read), 0)}</div>
      {hasMore && more}
      <div data-rows>{shown(cameLater, read)}</div>
    </div>
  );
}
