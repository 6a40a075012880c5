import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { TimeAgo } from "@/components/TimeAgo";
import { call } from "@/platform/api";
import { hasPasskeys, registerPasskey } from "@/platform/passkeys";
import type { LoginResult } from "@/platform/types";
import { RecoveryCodes } from "./RecoveryCodes";
import { useAccessTexts } from "./texts";

/** The caller's passkeys. Where they cannot work, the button says why. */
export function PasskeysPanel({ onNewSession }: { onNewSession: (login: LoginResult) => void }) {
  const t = useAccessTexts();
  const notify = useNotify();
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [codes, setCodes] = useState<readonly string[]>();
  const factors = useQuery({ queryKey: ["factors"], queryFn: ({ signal }) => call("Roadstead.GetFactors", {}, signal) });

  const act = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    try {
      await work();
      await factors.refetch();
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };
  const add = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => {
      const done = await registerPasskey(name.trim());
      setName("");
      if (done.RecoveryCodes.length > 0) setCodes(done.RecoveryCodes);
      notify({ type: "success", content: t("passkeyAdded") });
      onNewSession(done.Login);
    });
  };
  const remove = (id: string) =>
    act(async () => {
      await call("Roadstead.RemovePasskey", { PasskeyId: id });
      notify({ type: "success", content: t("passkeyRemoved") });
    });

  const { Passkeys: passkeys = [], PasskeysUnusable: unusable } = factors.data ?? {};
  const failure = error ?? factors.error;
  const obstacle = unusable === undefined && hasPasskeys() ? undefined : t("passkeysNoBrowser");
  return (
    <Container header={<Header variant="h2" description={t("passkeysHelp")}>{t("passkeysTitle")}</Header>}>
      {codes ? (
        <RecoveryCodes codes={codes} onDone={() => setCodes(undefined)} />
      ) : (
        <SpaceBetween size="m">
          {failure !== undefined && failure !== null && <ErrorState error={failure} title={t("passkeysTitle")} />}
          {passkeys.map((passkey) => (
            <SpaceBetween key={passkey.PasskeyId} direction="horizontal" size="s" alignItems="center">
              <Box fontWeight="bold">{passkey.Name || passkey.RpId}</Box>
              <Box color="text-body-secondary">
                {passkey.RpId} · {passkey.LastUsedAt === undefined ? t("keyNeverUsed") : <TimeAgo at={passkey.LastUsedAt} />}
              </Box>
              <Button ariaLabel={`${t("passkeyRemove")}: ${passkey.Name}`} disabled={busy} onClick={() => void remove(passkey.PasskeyId)}>
                {t("passkeyRemove")}
              </Button>
            </SpaceBetween>
          ))}
          <form onSubmit={add}>
            <SpaceBetween size="s">
              <FormField label={t("passkeyName")} constraintText={t("passkeyNameHelp")}>
                <Input value={name} disabled={obstacle !== undefined} onChange={({ detail }) => setName(detail.value)} />
              </FormField>
              <Button formAction="submit" loading={busy} disabled={obstacle !== undefined} disabledReason={obstacle}>
                {t("passkeyAdd")}
              </Button>
              {obstacle !== undefined && <Box color="text-body-secondary">{obstacle}</Box>}
            </SpaceBetween>
          </form>
        </SpaceBetween>
      )}
    </Container>
  );
}
