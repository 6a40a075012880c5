import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { PublicFrame } from "@/components/PublicFrame";
import { RouteButton } from "@/components/RouteButton";
import { usePage } from "@/components/usePage";
import { call, setCsrfToken } from "@/platform/api";
import { useEntered } from "./api";
import { takeNext } from "./oidcNext";
import { refusalCode } from "./rules";
import { useAccessTexts } from "./texts";

/** Where the provider sends the browser back to: hands its code to the hub. */
export default function OidcReturnPage() {
  const t = useAccessTexts();
  const entered = useEntered();
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const [error, setError] = useState<unknown>();
  const begun = useRef(false);
  usePage(t("loginTitle"));

  const refused = refusalCode(params);
  useEffect(() => {
    // A code is good for one use, also under a development build's second run of effects.
    if (begun.current || refused !== undefined) return;
    begun.current = true;
    const finish = async () => {
      const login = await call("Roadstead.FinishOidcLogin", {
        Code: params.get("code") ?? "",
        State: params.get("state") ?? "",
        ...(params.has("iss") && { Issuer: params.get("iss") ?? "" }),
      });
      const next = takeNext();
      if (login.CsrfToken) setCsrfToken(login.CsrfToken);
      if (login.Next === "Done") {
        entered();
        await navigate(next, { replace: true });
      } else {
        await navigate(`/login?next=${encodeURIComponent(next)}`, { replace: true, state: login });
      }
    };
    void finish().catch(setError);
  }, [entered, navigate, params, refused]);

  const problem = refused === undefined ? error : new Error(t("oidcRefused", { code: refused }));
  return (
    <PublicFrame>
      <Container header={<Header variant="h1">{t("loginTitle")}</Header>}>
        {problem === undefined ? (
          <Box textAlign="center">
            <Spinner size="large" />
          </Box>
        ) : (
          <SpaceBetween size="m">
            <ErrorState error={problem} title={t("loginFailed")} />
            <RouteButton to="/login" variant="primary">
              {t("loginAgain")}
            </RouteButton>
          </SpaceBetween>
        )}
      </Container>
    </PublicFrame>
  );
}
