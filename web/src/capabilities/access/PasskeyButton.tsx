import Button from "@cloudscape-design/components/button";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { call } from "@/platform/api";
import { provePasskey } from "@/platform/passkeys";
import type { LoginResult } from "@/platform/types";
import { useAccessTexts } from "./texts";

/** A whole login by a passkey. */
export function PasskeyButton({ onEntered }: { onEntered: (login: LoginResult) => Promise<void> }) {
  const t = useAccessTexts();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const enter = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onEntered(await call("Roadstead.FinishPasskeyLogin", await provePasskey()));
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  return (
    <>
      {error !== undefined && <ErrorState error={error} title={t("loginFailed")} />}
      <Button iconName="key" formAction="none" fullWidth loading={busy} onClick={() => void enter()}>
        {t("passkeyLogin")}
      </Button>
    </>
  );
}
