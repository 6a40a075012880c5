import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { call } from "@/platform/api";
import { ApiError } from "@/platform/errors";
import type { LoginResult } from "@/platform/types";
import { useAccessTexts } from "./texts";

/** The first step of a login. */
export function PasswordStep({ onEntered }: { onEntered: (login: LoginResult) => Promise<void> }) {
  const t = useAccessTexts();
  const [userName, setUserName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await onEntered(await call("Roadstead.Login", { UserName: userName.trim(), Password: password }));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  const isWrong = error instanceof ApiError && error.code === "InvalidCredentialsException";
  return (
    <form onSubmit={(event) => void submit(event)}>
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
    </form>
  );
}
