import { useLocale } from "@/platform/i18n/locale";
import { type EpochSeconds, formatRelative, formatTimeTitle } from "@/platform/time";
import { useCommonTexts } from "./texts";
import { useNow } from "./useNow";

/** How long ago (or how soon); local time with zone and UTC on hover. */
export function TimeAgo({ at }: { at: EpochSeconds | undefined }) {
  const locale = useLocale();
  const t = useCommonTexts();
  const now = useNow();
  if (at === undefined) return <>{t("never")}</>;
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={formatTimeTitle(at, locale)}>
      {formatRelative(at, now, locale)}
    </time>
  );
}
