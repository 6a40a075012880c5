import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { TimeAgo } from "@/components/TimeAgo";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { AuditDelivery } from "@/platform/types";
import { useAuditTexts } from "./texts";

/** How far one receiver was served, and what is in the way. */
export function Delivery({ delivery }: { delivery: AuditDelivery }) {
  const t = useAuditTexts();
  const locale = useLocale();
  const items = [
    { label: t("deliveryState"), value: <State delivery={delivery} /> },
    { label: t("delivered"), value: formatNumber(delivery.DeliveredSeq, locale) },
    { label: t("pending"), value: formatNumber(delivery.Pending, locale) },
    { label: t("deliveredAt"), value: <TimeAgo at={delivery.DeliveredAt} /> },
  ];
  if (delivery.NextAttemptAt !== undefined) items.push({ label: t("nextAttempt"), value: <TimeAgo at={delivery.NextAttemptAt} /> });
  return <KeyValuePairs columns={4} items={items} />;
}

function State({ delivery }: { delivery: AuditDelivery }) {
  const t = useAuditTexts();
  if (delivery.Failures > 0) {
    return (
      <StatusIndicator type="error">
        {t("deliveryFailing", { count: delivery.Failures })}
        {delivery.LastError && `: ${delivery.LastError}`}
      </StatusIndicator>
    );
  }
  if (delivery.Pending > 0) return <StatusIndicator type="in-progress">{t("deliveryWaiting")}</StatusIndicator>;
  return delivery.DeliveredAt === undefined ? (
    <StatusIndicator type="pending">{t("deliveryNone")}</StatusIndicator>
  ) : (
    <StatusIndicator>{t("deliveryFine")}</StatusIndicator>
  );
}
