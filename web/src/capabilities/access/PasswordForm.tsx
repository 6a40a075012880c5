import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { call } from "@/platform/api";
import type { LoginResult } from "@/platform/types";
import { PASSWORD_MIN } from "./rules";
import { useAccessTexts } from "./texts";

/** Changes one's own password; the login goes on in a new session. */
export function PasswordForm({ onChanged }: { onChanged: (login: LoginResult) => void }) {
  const t = useAccessTexts();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const passwordError = password.length < PASSWORD_MIN ? t("passwordShort") : "";
  const againError = again === password ? "" : t("passwordDiffers");

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (passwordError || againError) return;
    setBusy(true);
    setError(undefined);
    try {
      const login = await call("Roadstead.ChangePassword", { CurrentPassword: current, NewPassword: password });
      setCurrent("");
      setPassword("");
      setAgain("");
      setTried(false);
      onChanged(login);
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  return (
    <form onSubmit={(event) => void submit(event)}>
      <SpaceBetween size="m">
        {error !== undefined && <ErrorState error={error} title={t("passwordFailed")} />}
        <FormField label={t("passwordCurrent")}>
          <Input value={current} type="password" autoComplete="current-password" onChange={({ detail }) => setCurrent(detail.value)} />
        </FormField>
        <FormField label={t("passwordNew")} constraintText={t("passwordHelp")} errorText={tried && passwordError}>
          <Input value={password} type="password" autoComplete="new-password" onChange={({ detail }) => setPassword(detail.value)} />
        </FormField>
        <FormField label={t("passwordAgain")} errorText={tried && againError}>
          <Input value={again} type="password" autoComplete="new-password" onChange={({ detail }) => setAgain(detail.value)} />
        </FormField>
        <Button variant="primary" formAction="submit" loading={busy}>
          {t("passwordChange")}
        </Button>
      </SpaceBetween>
    </form>
  );
}
