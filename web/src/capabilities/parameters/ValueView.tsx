import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import { type Parameter, readValue, valueQuery } from "./api";
import { useParameterTexts } from "./texts";

/** A secret stays in sight so long, then it is hidden again. */
const SHOWN_S = 30;

/** The value. A secret is asked for only when somebody wants to see it, never kept, and hides itself. */
export function ValueView({ parameter }: { parameter: Parameter }) {
  return parameter.Type === "SecureString" ? <SecretValue name={parameter.Name} /> : <PlainValue parameter={parameter} />;
}

function PlainValue({ parameter }: { parameter: Parameter }) {
  const t = useParameterTexts();
  const query = useQuery(valueQuery(parameter));
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (query.data === undefined) return <Spinner />;
  return <CopyLine text={query.data} label={t("copyValue")} />;
}

function SecretValue({ name }: { name: string }) {
  const t = useParameterTexts();
  const [value, setValue] = useState<string>();
  const [left, setLeft] = useState(SHOWN_S);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const isShown = value !== undefined;

  useEffect(() => {
    if (!isShown) return undefined;
    const hideAt = Date.now() + SHOWN_S * 1000;
    const timer = setInterval(() => {
      const seconds = Math.ceil((hideAt - Date.now()) / 1000);
      setLeft(seconds);
      if (seconds <= 0) setValue(undefined);
    }, 1000);
    return () => clearInterval(timer);
  }, [isShown]);

  const reveal = async () => {
    setBusy(true);
    setError(undefined);
    try {
      setValue(await readValue(name, true));
      setLeft(SHOWN_S);
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  if (value !== undefined) {
    return (
      <SpaceBetween size="s">
        <CopyLine text={value} label={t("copyValue")} />
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          <Button onClick={() => setValue(undefined)}>{t("hide")}</Button>
          <Box color="text-body-secondary">{t("hidesIn", { seconds: Math.max(left, 0) })}</Box>
        </SpaceBetween>
      </SpaceBetween>
    );
  }
  return (
    <SpaceBetween size="s">
      {error !== undefined && <ErrorState error={error} title={t("reveal")} />}
      <Box color="text-body-secondary">{t("valueHidden")}</Box>
      <Button loading={busy} iconName="lock-private" onClick={() => void reveal()}>
        {t("reveal")}
      </Button>
    </SpaceBetween>
  );
}
