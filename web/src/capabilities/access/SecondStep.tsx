import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { call } from "@/platform/api";
import type { LoginResult } from "@/platform/types";
import { isTotpCode } from "./rules";
import { useAccessTexts } from "./texts";

interface Props {
  ticket: string;
  onEntered: (login: LoginResult) => Promise<void>;
  /** The login has expired or is given up. */
  onBack: () => void;
}

/** Asks for a code of the generator; a recovery code goes into the same field. */
export function SecondStep({ ticket, onEntered, onBack }: Props) {
  const t = useAccessTexts();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const given = isTotpCode(code) ? { Code: code } : { RecoveryCode: code };
      await onEntered(await call("Roadstead.ContinueLogin", { Ticket: ticket, ...given }));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)}>
      <SpaceBetween size="l">
        {error !== undefined && <ErrorState error={error} title={t("loginFailed")} />}
        <FormField label={t("code")} description={t("codeHelp")}>
          <Input value={code} autoFocus autoComplete="one-time-code" onChange={({ detail }) => setCode(detail.value)} />
        </FormField>
        <Button variant="primary" formAction="submit" fullWidth loading={busy}>
          {t("login")}
        </Button>
        <Button variant="link" formAction="none" onClick={onBack}>
          {t("loginAgain")}
        </Button>
      </SpaceBetween>
    </form>
  );
}
