import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { FocusedInput } from "@/components/FocusedInput";
import { call, whenStepUpRequired } from "@/platform/api";
import { useAppTexts } from "./texts";

interface Question {
  hasGenerator: boolean;
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
      return new Promise<boolean>((answer) => setQuestion({ hasGenerator: factors.TotpSince !== undefined, answer }));
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
  const prove = async () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await call("Roadstead.StepUp", question.hasGenerator ? { Code: typed } : { Password: typed });
      close(true);
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

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
            <Button variant="primary" loading={busy} onClick={() => void prove()}>
              {t("stepUpConfirm")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box variant="p">{t("stepUpText")}</Box>
        {error !== undefined && <ErrorState error={error} title={t("stepUpFailed")} />}
        <FormField label={question.hasGenerator ? t("stepUpCode") : t("stepUpPassword")}>
          <FocusedInput
            value={typed}
            type={question.hasGenerator ? "text" : "password"}
            autoComplete={question.hasGenerator ? "one-time-code" : "current-password"}
            onChange={({ detail }) => setTyped(detail.value)}
            onKeyDown={({ detail }) => detail.key === "Enter" && void prove()}
          />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
