import Box from "@cloudscape-design/components/box";
import { useRouteError } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { useAppTexts } from "./texts";

/** A page that broke must not take the console with it. */
export function PageError() {
  const t = useAppTexts();
  const error = useRouteError();
  return (
    <Box margin="xxl">
      <ErrorState error={error} title={t("pageBroke")} onRetry={() => location.reload()} />
    </Box>
  );
}
