import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { FocusedInput } from "@/components/FocusedInput";
import { call, whenStepUpRequired } from "@/platform/api";
import { hasPasskeys, provePasskey } from "@/platform/passkeys";
import type { Request } from "@/platform/types";
import { useAppTexts } from "./texts";

interface Question {
  hasGenerator: boolean;
  hasPasskey: boolean;
  answer: (given: boolean) => void;
}

/** Asks who is there whenever the hub wants a fresh proof; the refused call is then repeated. */
export function StepUpDialog() {
  const t = useAppTexts();
  const [question, setQuestion] = useState<Question>();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  useEffect(() => {
    whenStepUpRequired(async () => {
      const factors = await call("Roadstead.GetFactors", {});
      return new Promise<boolean>((answer) => setQuestion({
          hasGenerator: factors.TotpSince !== undefined,
          hasPasskey: factors.Passkeys.length > 0 && factors.PasskeysUnusable === undefined && hasPasskeys(),
          answer,
        }),
      );
    });
    return () => whenStepUpRequired(undefined);
  }, []);

  if (!question) return null;
  const close = (given: boolean) => {
    question.answer(given);
    setQuestion(undefined);
    setTyped("");
    setError(undefined);
  };
  const needsText = question.hasGenerator || !question.hasPasskey;
  const prove = async (by: () => Promise<Request<"Roadstead.StepUp">>) => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await call("Roadstead.StepUp", await by());
      close(true);
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };
  const byText = () => prove(async () => (question.hasGenerator ? { Code: typed } : { Password: typed }));
  const byPasskey = () => prove(async () => ({ Passkey: await provePasskey() }));

  return (
    <Modal
      visible
      header={t("stepUpTitle")}
      closeAriaLabel={t("close")}
      onDismiss={() => close(false)}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => close(false)}>
              {t("cancel")}
            </Button>
            {question.hasPasskey && (
              <Button iconName="key" variant={needsText ? "normal" : "primary"} loading={busy} onClick={() => void byPasskey()}>
                {t("stepUpPasskey")}
              </Button>
            )}
            {needsText && (
              <Button variant="primary" loading={busy} onClick={() => void byText()}>
                {t("stepUpConfirm")}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box variant="p">{t("stepUpText")}</Box>
        {error !== undefined && <ErrorState error={error} title={t("stepUpFailed")} />}
        {needsText && <FormField label={question.hasGenerator ? t("stepUpCode") : t("stepUpPassword")}>
          <FocusedInput
            value={typed}
            type={question.hasGenerator ? "text" : "password"}
            autoComplete={question.hasGenerator ? "one-time-code" : "current-password"}
            onChange={({ detail }) => setTyped(detail.value)}
            onKeyDown={({ detail }) => detail.key === "Enter" && void byText()}
          />
        </FormField>}
      </SpaceBetween>
    </Modal>
  );
}
