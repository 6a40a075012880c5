import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { ErrorState } from "./ErrorState";
import { FocusedInput } from "./FocusedInput";
import { useCommonTexts } from "./texts";

interface Props {
  title: string;
  children: ReactNode;
  action: string;
  /** To be typed before the button works; without it one press is enough. */
  word?: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** The question before a destructive or large act. Stays open, with the error, when the act fails. */
export function ConfirmAction({ title, children, action, word, onConfirm, onClose }: Props) {
  const t = useCommonTexts();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const matches = word === undefined || typed.trim() === word;

  const confirm = async () => {
    if (!matches || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  return (
    <Modal
      visible
      header={title}
      closeAriaLabel={t("close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button variant="primary" disabled={!matches} loading={busy} onClick={() => void confirm()}>
              {action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {word === undefined ? children : <Alert type="warning" statusIconAriaLabel={t("confirm")}>{children}</Alert>}
        {word !== undefined && (
          <FormField label={t("confirmType", { word })} constraintText={typed !== "" && !matches ? t("confirmMismatch") : undefined}>
            <FocusedInput
              value={typed}
              placeholder={word}
                autoComplete={false}
              onChange={({ detail }) => setTyped(detail.value)}
              onKeyDown={({ detail }) => detail.key === "Enter" && !detail.isComposing && void confirm()}
            />
          </FormField>
        )}
        {error !== undefined && <ErrorState error={error} title={action} />}
      </SpaceBetween>
    </Modal>
  );
}
