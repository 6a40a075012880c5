import { useLocale } from "@/platform/i18n/locale";
import { type EpochSeconds, formatTime, formatTimeTitle } from "@/platform/time";

/** A point in time, local and with its zone; UTC on hover. */
export function TimeAt({ at }: { at: EpochSeconds | undefined }) {
  const locale = useLocale();
  if (at === undefined) return <>–</>;
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={formatTimeTitle(at, locale)}>
      {formatTime(at, locale)}
    </time>
  );
}
