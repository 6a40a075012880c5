import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { call } from "@/platform/api";
import type { LoginResult, Result } from "@/platform/types";
import { RecoveryCodes } from "./RecoveryCodes";
import { useAccessTexts } from "./texts";

/** A role asks for recovery codes, and they are used up: no way on without new ones. */
export function RecoveryStep({ onEntered }: { onEntered: (login: LoginResult) => Promise<void> }) {
  const t = useAccessTexts();
  const [made, setMade] = useState<Result<"Roadstead.MakeRecoveryCodes">>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const make = async () => {
    setBusy(true);
    setError(undefined);
    try {
      setMade(await call("Roadstead.MakeRecoveryCodes", {}));
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  if (made?.Login) {
    const login = made.Login;
    return <RecoveryCodes codes={made.RecoveryCodes} onDone={() => void onEntered(login)} />;
  }
  return (
    <SpaceBetween size="m">
      <Box variant="p">{t("recoveryNeeded")}</Box>
      {error !== undefined && <ErrorState error={error} title={t("recoveryMake")} />}
      <Button variant="primary" fullWidth loading={busy} onClick={() => void make()}>
        {t("recoveryMake")}
      </Button>
    </SpaceBetween>
  );
}
