import { EmptyState } from "@/components/EmptyState";
import { RouteButton } from "@/components/RouteButton";
import { usePage } from "@/components/usePage";
import { useAppTexts } from "./texts";

export function PageMissing() {
  const t = useAppTexts();
  usePage(t("pageMissing"));
  return (
    <EmptyState title={t("pageMissing")} action={<RouteButton to="/">{t("toOverview")}</RouteButton>}>
      {t("pageMissingHelp")}
    </EmptyState>
  );
}
