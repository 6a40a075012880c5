import { memo } from "react";
import { RouteLink } from "@/components/RouteLink";
import { useNodeNames } from "@/components/useNodeNames";
import { useLocale } from "@/platform/i18n/locale";
import { logStreamAt, outputOf } from "@/platform/links";
import { formatMoment, formatTimeTitle } from "@/platform/time";
import type { LogEvent } from "@/platform/types";
import { LogLine } from "./LogLine";
import { type Run, runsOf } from "./lines";
import { partsOf } from "./streamName";
import { useLogsTexts } from "./texts";

interface Props {
  group: string;
  events: readonly LogEvent[];
  /** The line before: one stream has one heading. */
  after: LogEvent | undefined;
}

/** Lines that came together. What was drawn once is not drawn again when others follow. */
export const EventBatch = memo(function EventBatch({ group, events, after }: Props) {
  const runs = runsOf(events);
  const nameOf = useNodeNames(runs.map(({ stream }) => partsOf(stream).node));
  return runs.map((run, at) => {
    const isOn = at === 0 && after?.logStreamName === run.stream && after.timestamp === run.at;
    return (
      <section key={run.events[0]?.eventId} className="log-run">
        {!isOn && <RunHeading group={group} run={run} nameOf={nameOf} />}
        <ul>
          {run.events.map(({ eventId, message }) => (
            <LogLine key={eventId} message={message} />
          ))}
        </ul>
      </section>
    );
  });
}, isSame);

function isSame(before: Props, now: Props): boolean {
  const ends = ({ events }: Props) => [events.length, events[0]?.eventId, events.at(-1)?.eventId].join(" ");
  return before.group === now.group && before.after?.eventId === now.after?.eventId && ends(before) === ends(now);
}

function RunHeading({ group, run: { stream, at }, nameOf }: { group: string; run: Run; nameOf: (id: string) => string }) {
  const t = useLogsTexts();
  const locale = useLocale();
  const { command, node, step, stream: kind } = partsOf(stream);
  const seconds = at / 1000;
  return (
    <div className="log-heading">
      <time dateTime={new Date(at).toISOString()} title={formatTimeTitle(seconds, locale)}>
        {formatMoment(seconds, locale)}
      </time>
      <RouteLink variant="primary" to={`/nodes/${node}`}>{nameOf(node)}</RouteLink>
      <RouteLink variant="primary" to={logStreamAt(group, stream)} ariaLabel={`${step} ${kind}, ${t("streamOf", { name: stream })}`}>
        {step} {kind}
      </RouteLink>
      <RouteLink variant="primary" to={outputOf(command, node, step, kind)} ariaLabel={t("commandOf", { id: command })}>
        {t("commandOf", { id: command.slice(0, 8) })}
      </RouteLink>
    </div>
  );
}
