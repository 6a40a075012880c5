import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import { call } from "@/platform/api";
import type { ConfirmedTotp } from "@/platform/types";
import { QrImage } from "./QrImage";
import { useAccessTexts } from "./texts";

/** Shows the code to scan and asks for the first one that the generator shows. */
export function TotpSetup({ onConfirmed }: { onConfirmed: (done: ConfirmedTotp) => void }) {
  const t = useAccessTexts();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  // Once: each call makes another secret, and the one that was scanned would no longer count. Not even when everything else is
  // asked for again, because the hub is back or the login a new one.
  const begun = useQuery({
    queryKey: ["totp-enrolment"],
    queryFn: ({ signal }) => call("Roadstead.BeginTotp", {}, signal),
    staleTime: "static",
    gcTime: 0,
    retry: false,
  });

  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      onConfirmed(await call("Roadstead.ConfirmTotp", { Code: code }));
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  if (begun.error) return <ErrorState error={begun.error} title={t("totpSetup")} onRetry={() => void begun.refetch()} />;
  if (!begun.data) return <Spinner />;
  return (
    <form onSubmit={(event) => void confirm(event)}>
      <SpaceBetween size="m">
        <Box variant="p">{t("totpScan")}</Box>
        <QrImage rows={begun.data.QrRows} label={t("totpQr")} />
        <FormField label={t("totpKey")} stretch>
          <CopyLine text={begun.data.Secret} label={t("totpKey")} />
        </FormField>
        {error !== undefined && <ErrorState error={error} title={t("totpWrong")} />}
        <FormField label={t("code")} constraintText={t("totpCodeHelp")}>
          <Input value={code} inputMode="numeric" autoComplete="one-time-code" onChange={({ detail }) => setCode(detail.value)} />
        </FormField>
        <Button variant="primary" formAction="submit" loading={busy}>
          {t("totpConfirm")}
        </Button>
      </SpaceBetween>
    </form>
  );
}
