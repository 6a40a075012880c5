import Button from "@cloudscape-design/components/button";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { call } from "@/platform/api";
import { rememberNext } from "./oidcNext";
import { useAccessTexts } from "./texts";

interface Props {
  label: string;
  /** Where the login leads to afterwards. */
  next: string;
}

/** Sends the browser to the single sign-on provider. */
export function OidcButton({ label, next }: Props) {
  const t = useAccessTexts();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const leave = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const { Url } = await call("Roadstead.BeginOidcLogin", {});
      rememberNext(next);
      window.location.assign(Url);
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  return (
    <>
      {error !== undefined && <ErrorState error={error} title={t("loginFailed")} />}
      <Button iconName="external" formAction="none" fullWidth loading={busy} onClick={() => void leave()}>
        {label}
      </Button>
    </>
  );
}
