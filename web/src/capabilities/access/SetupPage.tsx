import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import { PublicFrame } from "@/components/PublicFrame";
import { RouteButton } from "@/components/RouteButton";
import { usePage } from "@/components/usePage";
import { useSetupState } from "./api";
import { tokenFromFragment } from "./rules";
import { SetupForm } from "./SetupForm";
import { useAccessTexts } from "./texts";

/** Without the token of the one-time link there is no form here, only the way to the link. */
export default function SetupPage() {
  const t = useAccessTexts();
  const setup = useSetupState();
  const [token, setToken] = useState(() => tokenFromFragment(location.hash));
  usePage(t("setupTitle"));

  useEffect(() => {
    // Opening the link in a tab that shows this page already changes the fragment only.
    const listen = () => setToken(tokenFromFragment(location.hash) ?? token);
    window.addEventListener("hashchange", listen);
    return () => window.removeEventListener("hashchange", listen);
  }, [token]);

  const content = () => {
    if (setup.error) return <ErrorState error={setup.error} onRetry={() => void setup.refetch()} />;
    if (!setup.data) return null;
    if (!setup.data.NeedsAdmin) {
      return (
        <Container header={<Header variant="h1">{t("setupClosed")}</Header>}>
          <SpaceBetween size="m">
            <Box variant="p">{t("setupClosedHelp")}</Box>
            <RouteButton to="/login" variant="primary">
              {t("toLogin")}
            </RouteButton>
          </SpaceBetween>
        </Container>
      );
    }
    if (token) return <SetupForm token={token} />;
    return (
      <Container header={<Header variant="h1">{t("setupNoToken")}</Header>}>
        <SpaceBetween size="m">
          <Box variant="p">{t("setupNoTokenHelp")}</Box>
          <CopyLine text="roadstead setup-link" label={t("setupCommandLabel")} />
        </SpaceBetween>
      </Container>
    );
  };

  return (
    <PublicFrame hubName={setup.data?.HubName} version={setup.data?.Version}>
      {content()}
    </PublicFrame>
  );
}
