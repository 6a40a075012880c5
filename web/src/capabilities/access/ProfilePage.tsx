import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useNotify } from "@/components/Notifications";
import { usePage } from "@/components/usePage";
import { setCsrfToken } from "@/platform/api";
import { useCaller } from "@/platform/caller";
import type { LoginResult } from "@/platform/types";
import { FactorsPanel } from "./FactorsPanel";
import { LoginSessions } from "./LoginSessions";
import { PasskeysPanel } from "./PasskeysPanel";
import { PasswordForm } from "./PasswordForm";
import { useAccessTexts } from "./texts";

/** One's own password, second factor and logins. */
export default function ProfilePage() {
  const t = useAccessTexts();
  const caller = useCaller();
  const notify = useNotify();
  const client = useQueryClient();
  usePage(t("profileTitle"));

  const onNewSession = (login: LoginResult) => {
    setCsrfToken(login.CsrfToken);
    void client.invalidateQueries();
  };

  return (
    <ContentLayout
      header={
        <Header variant="h1" description={caller?.UserName}>
          {t("profileTitle")}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <FactorsPanel onNewSession={onNewSession} />
        <PasskeysPanel onNewSession={onNewSession} />
        <Container header={<Header variant="h2">{t("password")}</Header>}>
          <PasswordForm
            onChanged={(login) => {
              onNewSession(login);
              notify({ type: "success", content: t("passwordChanged") });
            }}
          />
        </Container>
        <LoginSessions />
      </SpaceBetween>
    </ContentLayout>
  );
}
