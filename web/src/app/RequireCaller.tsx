import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useCallback } from "react";
import { Navigate, useLocation } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { call } from "@/platform/api";
import { ApiError } from "@/platform/errors";
import { CallerContext, useCallerQuery } from "@/platform/caller";
import { useWhenHubIsBack } from "@/platform/reach";
import { useAppTexts } from "./texts";

/** Logins that lack a step. */
const UNFINISHED = new Set(["NewPassword", "Enrol", "RecoveryCodes"]);

/** Lets only a logged-in caller through; others go to the set-up or the login page and come back afterwards. */
export function RequireCaller({ children }: { children: ReactNode }) {
  const t = useAppTexts();
  const location = useLocation();
  const caller = useCallerQuery();
  const refused = caller.error instanceof ApiError && !caller.error.isUnreachable;
  const setup = useQuery({
    queryKey: ["setup-state"],
    queryFn: ({ signal }) => call("Roadstead.GetSetupState", {}, signal),
    enabled: refused,
    retry: false,
  });

  const again = refused ? setup.refetch : caller.refetch;
  useWhenHubIsBack(useCallback(() => void again(), [again]));

  const login = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  if (caller.data && UNFINISHED.has(caller.data.Next)) return <Navigate to={login} replace />;
  if (caller.data) return <CallerContext value={caller.data}>{children}</CallerContext>;
  const error = refused ? setup.error : caller.error;
  if (error) {
    return (
      <Box margin="xxxl" textAlign="center">
        <Box variant="h1">{t("hubUnreachable")}</Box>
        <ErrorState error={error} onRetry={() => void again()} />
      </Box>
    );
  }
  // A disabled query still hands out what another page fetched, so ask for the refusal too.
  if (refused && setup.data?.NeedsAdmin) return <Navigate to="/setup" replace />;
  if (refused && setup.data) return <Navigate to={login} replace />;
  return (
    <Box textAlign="center" margin="xxxl">
      <Spinner size="large" />
    </Box>
  );
}
