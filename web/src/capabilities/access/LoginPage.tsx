import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { Navigate, useNavigate, useSearchParams } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { PublicFrame } from "@/components/PublicFrame";
import { usePage } from "@/components/usePage";
import { ApiError } from "@/platform/errors";
import { useEnter, useSetupState } from "./api";
import { safeNext } from "./rules";
import { useAccessTexts } from "./texts";

export default function LoginPage() {
  const t = useAccessTexts();
  const setup = useSetupState();
  const enter = useEnter();
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const [userName, setUserName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  usePage(t("loginTitle"));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await enter("Roadstead.Login", { UserName: userName.trim(), Password: password });
      await navigate(safeNext(params.get("next")), { replace: true });
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  if (setup.data?.NeedsAdmin) return <Navigate to="/setup" replace />;
  const isWrong = error instanceof ApiError && error.code === "InvalidCredentialsException";
  return (
    <PublicFrame hubName={setup.data?.HubName} version={setup.data?.Version}>
      <form onSubmit={(event) => void submit(event)}>
        <Container header={<Header variant="h1">{t("loginTitle")}</Header>}>
          <Form>
            <SpaceBetween size="l">
              {isWrong && <Alert type="error">{t("loginWrong")}</Alert>}
              {error !== undefined && !isWrong && <ErrorState error={error} title={t("loginFailed")} />}
              <FormField label={t("userName")}>
                <Input value={userName} autoFocus autoComplete="username" onChange={({ detail }) => setUserName(detail.value)} />
              </FormField>
              <FormField label={t("password")}>
                <Input value={password} type="password" autoComplete="current-password" onChange={({ detail }) => setPassword(detail.value)} />
              </FormField>
              <Button variant="primary" formAction="submit" fullWidth loading={busy}>
                {t("login")}
              </Button>
              <Box variant="small" color="text-body-secondary">
                {t("loginForgot")}
              </Box>
            </SpaceBetween>
          </Form>
        </Container>
      </form>
    </PublicFrame>
  );
}
