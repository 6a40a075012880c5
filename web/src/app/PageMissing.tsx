import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { RouteButton } from "@/components/RouteButton";
import { usePage } from "@/components/usePage";
import { useAppTexts } from "./texts";

export function PageMissing() {
  const t = useAppTexts();
  usePage(t("pageMissing"));
  return (
    <Box textAlign="center" margin={{ vertical: "xxl" }}>
      <SpaceBetween size="m">
        <Box variant="h1">{t("pageMissing")}</Box>
        <Box variant="p" color="text-body-secondary">
          {t("pageMissingHelp")}
        </Box>
        <RouteButton to="/">{t("toOverview")}</RouteButton>
      </SpaceBetween>
    </Box>
  );
}
