import Box from "@cloudscape-design/components/box";
import { useCallback, useEffect, useState } from "react";
import { useRouteError } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { reloads, remedyOf } from "@/platform/code";
import { useOnceHubAnswers } from "@/platform/reach";
import { useAppTexts } from "./texts";

/** A page that broke must not take the console with it. One whose code could not be had comes by itself when it can. */
export function PageError() {
  const t = useAppTexts();
  const error = useRouteError();
  const [remedy] = useState(() => remedyOf(error, reloads.isRecent()));
  const reload = useCallback(() => location.reload(), []);
  useOnceHubAnswers(remedy === "wait" ? reload : undefined);
  useEffect(() => {
    if (remedy !== "reload") return;
    reloads.remember();
    location.reload();
  }, [remedy]);
  if (remedy === "reload") return null;
  return (
    <Box margin="xxl">
      <ErrorState error={error} title={t("pageBroke")} onRetry={reload} />
    </Box>
  );
}
