import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import { useQuery } from "@tanstack/react-query";
import { TimeAgo } from "@/components/TimeAgo";
import { freezeQuery } from "@/platform/freeze";
import { useAppTexts } from "./texts";

/** On every page while the hub is frozen: who, when, why, and the way out. */
export function FreezeBanner({ onEnd }: { onEnd: () => void }) {
  const t = useAppTexts();
  const { data } = useQuery(freezeQuery);
  if (!data?.Frozen) return null;
  return (
    <Alert type="error" statusIconAriaLabel={t("frozen")} header={t("frozenTitle")} action={<Button onClick={onEnd}>{t("freezeEnd")}</Button>}>
      <TimeAgo at={data.At} /> · {t("frozenBy", { name: data.By ?? "–" })} · {data.Reason ? t("frozenWhy", { reason: data.Reason }) : t("frozenNoReason")}
    </Alert>
  );
}
