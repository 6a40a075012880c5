import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { Navigate, useLocation, useNavigate, useSearchParams } from "react-router";
import { PublicFrame } from "@/components/PublicFrame";
import { usePage } from "@/components/usePage";
import { setCsrfToken } from "@/platform/api";
import { useCallerQuery } from "@/platform/caller";
import { hasPasskeys } from "@/platform/passkeys";
import { setPreference } from "@/platform/preferences";
import type { LoginResult } from "@/platform/types";
import { useEntered, useSetupState } from "./api";
import { EnrolStep } from "./EnrolStep";
import { OidcButton } from "./OidcButton";
import { PasskeyButton } from "./PasskeyButton";
import { PasswordForm } from "./PasswordForm";
import { PasswordStep } from "./PasswordStep";
import { RecoveryStep } from "./RecoveryStep";
import { safeNext } from "./rules";
import { SecondStep } from "./SecondStep";
import { useAccessTexts } from "./texts";

/** Password, second factor, a new password, a factor to set up, new recovery codes: whatever the hub says comes next. */
export default function LoginPage() {
  const t = useAccessTexts();
  const setup = useSetupState();
  const entered = useEntered();
  const navigate = useNavigate();
  const caller = useCallerQuery();
  const [params] = useSearchParams();
  // A login that began at the provider goes on here.
  const { state } = useLocation() as { state: LoginResult | null };
  const [login, setLogin] = useState<LoginResult | undefined>(state ?? undefined);
  usePage(t("loginTitle"));

  // After a reload the hub still knows which step was next.
  const next = login?.Next ?? caller.data?.Next ?? "";
  const step = next === "Done" ? "" : next;
  useEffect(() => {
    if (caller.data?.CsrfToken && !login) setCsrfToken(caller.data.CsrfToken);
  }, [caller.data, login]);

  const goOn = async (result: LoginResult) => {
    if (result.CsrfToken) {
      setCsrfToken(result.CsrfToken);
      setPreference("isLoggedIn", true);
    }
    if (result.Next !== "Done") {
      setLogin(result);
      return;
    }
    entered();
    await navigate(safeNext(params.get("next")), { replace: true });
  };

  const content = () => {
    const byPasskey = setup.data?.Passkeys && hasPasskeys() && <PasskeyButton onEntered={goOn} />;
    if (step === "SecondFactor" && login?.Ticket) {
      return (
        <SpaceBetween size="m">
          <SecondStep ticket={login.Ticket} onEntered={goOn} onBack={() => setLogin(undefined)} />
          {byPasskey}
        </SpaceBetween>
      );
    }
    if (step === "NewPassword") {
      return (
        <SpaceBetween size="m">
          <Box variant="p">{t("newPasswordNeeded")}</Box>
          <PasswordForm onChanged={(result) => void goOn(result)} />
        </SpaceBetween>
      );
    }
    if (step === "Enrol") return <EnrolStep onEntered={goOn} />;
    if (step === "RecoveryCodes") return <RecoveryStep onEntered={goOn} />;
    return (
      <SpaceBetween size="m">
        <PasswordStep onEntered={goOn} />
        {byPasskey}
        {setup.data?.SingleSignOn && <OidcButton label={setup.data.SingleSignOn} next={safeNext(params.get("next"))} />}
      </SpaceBetween>
    );
  };

  if (setup.data?.NeedsAdmin) return <Navigate to="/setup" replace />;
  return (
    <PublicFrame hubName={setup.data?.HubName} version={setup.data?.Version}>
      <Container header={<Header variant="h1">{t("loginTitle")}</Header>}>{content()}</Container>
    </PublicFrame>
  );
}
