import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { call, setCsrfToken } from "@/platform/api";
import { ApiError } from "@/platform/errors";
import { useEntered } from "./api";
import { PASSWORD_MIN } from "./rules";
import { useAccessTexts } from "./texts";

export function SetupForm({ token }: { token: string }) {
  const t = useAccessTexts();
  const entered = useEntered();
  const navigate = useNavigate();
  const [userName, setUserName] = useState("admin");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const nameError = userName.trim() === "" ? t("userNameNeeded") : "";
  const passwordError = password.length < PASSWORD_MIN ? t("passwordShort") : "";
  const againError = again === password ? "" : t("passwordDiffers");

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (nameError || passwordError || againError) return;
    setBusy(true);
    setError(undefined);
    try {
      const { CsrfToken } = await call("Roadstead.CreateFirstAdmin", { Token: token, UserName: userName.trim(), Password: password });
      setCsrfToken(CsrfToken);
      entered();
      await navigate("/", { replace: true });
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  const isTokenBad = error instanceof ApiError && error.code === "InvalidTokenException";
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Container header={<Header variant="h1">{t("setupTitle")}</Header>}>
        <SpaceBetween size="l">
          <Box variant="p">{t("setupIntro")}</Box>
          {isTokenBad && <Alert type="error">{t("setupInvalidToken")}</Alert>}
          {error !== undefined && !isTokenBad && <ErrorState error={error} title={t("createFailed")} />}
          <FormField label={t("userName")} errorText={tried && nameError}>
            <Input value={userName} autoComplete="username" onChange={({ detail }) => setUserName(detail.value)} />
          </FormField>
          <FormField label={t("password")} constraintText={t("passwordHelp")} errorText={tried && passwordError}>
            <Input value={password} type="password" autoFocus autoComplete="new-password" onChange={({ detail }) => setPassword(detail.value)} />
          </FormField>
          <FormField label={t("passwordAgain")} errorText={tried && againError}>
            <Input value={again} type="password" autoComplete="new-password" onChange={({ detail }) => setAgain(detail.value)} />
          </FormField>
          <Button variant="primary" formAction="submit" fullWidth loading={busy}>
            {t("create")}
          </Button>
        </SpaceBetween>
      </Container>
    </form>
  );
}
