import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { TimeAgo } from "@/components/TimeAgo";
import { call } from "@/platform/api";
import type { ConfirmedTotp, LoginResult } from "@/platform/types";
import { RecoveryCodes } from "./RecoveryCodes";
import { TotpSetup } from "./TotpSetup";
import { useAccessTexts } from "./texts";

type Doing = "setup" | "remove" | undefined;

/** The code generator and the recovery codes of the caller. */
export function FactorsPanel({ onNewSession }: { onNewSession: (login: LoginResult) => void }) {
  const t = useAccessTexts();
  const notify = useNotify();
  const [doing, setDoing] = useState<Doing>();
  const [codes, setCodes] = useState<readonly string[]>();
  const [error, setError] = useState<unknown>();
  const factors = useQuery({ queryKey: ["factors"], queryFn: ({ signal }) => call("Roadstead.GetFactors", {}, signal) });

  const onConfirmed = (done: ConfirmedTotp) => {
    setDoing(undefined);
    if (done.RecoveryCodes.length > 0) setCodes(done.RecoveryCodes);
    notify({ type: "success", content: t("totpReady") });
    onNewSession(done.Login);
  };
  const remove = async () => {
    await call("Roadstead.RemoveTotp", {});
    await factors.refetch();
    notify({ type: "success", content: t("totpRemoved") });
  };
  const makeCodes = async () => {
    setError(undefined);
    try {
      setCodes((await call("Roadstead.MakeRecoveryCodes", {})).RecoveryCodes);
      await factors.refetch();
    } catch (cause) {
      setError(cause);
    }
  };

  const { TotpSince: since, IsRequired: isRequired, RecoveryCodesLeft: left } = factors.data ?? {};
  const overview = () => (
    <SpaceBetween size="m">
      <StatusIndicator type={since === undefined ? "info" : "success"}>{t(since === undefined ? "totpOff" : "totpOn")}</StatusIndicator>
      {since !== undefined && (
        <Box>
          {t("factorsSince")}: <TimeAgo at={since} />
        </Box>
      )}
      {since !== undefined && <Box>{t("recoveryLeft", { count: left ?? 0 })}</Box>}
      {error !== undefined && <ErrorState error={error} title={t("recoveryMake")} />}
      <SpaceBetween direction="horizontal" size="xs">
        <Button onClick={() => setDoing("setup")}>{t(since === undefined ? "totpSetup" : "totpReplace")}</Button>
        {since !== undefined && <Button onClick={() => void makeCodes()}>{t("recoveryMake")}</Button>}
        {since !== undefined && (
          <Button disabled={isRequired} disabledReason={t("totpRequired")} onClick={() => setDoing("remove")}>
            {t("totpRemove")}
          </Button>
        )}
      </SpaceBetween>
    </SpaceBetween>
  );
  const content = () => {
    if (factors.error) return <ErrorState error={factors.error} onRetry={() => void factors.refetch()} />;
    if (codes) return <RecoveryCodes codes={codes} onDone={() => setCodes(undefined)} />;
    return doing === "setup" ? <TotpSetup onConfirmed={onConfirmed} /> : overview();
  };

  return (
    <Container header={<Header variant="h2">{t("factorsTitle")}</Header>}>
      {content()}
      {doing === "remove" && (
        <ConfirmAction title={t("totpRemoveTitle")} action={t("totpRemove")} onConfirm={remove} onClose={() => setDoing(undefined)}>
          {t("totpRemoveText")}
        </ConfirmAction>
      )}
    </Container>
  );
}
