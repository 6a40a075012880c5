import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal, { type ModalProps } from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { ErrorState } from "./ErrorState";
import { useCommonTexts } from "./texts";

interface Props {
  title: string;
  action: string;
  children: ReactNode;
  size?: ModalProps.Size;
  disabled?: boolean;
  disabledReason?: string;
  /** `false` when the fields do not stand as they must: the dialog stays. */
  onSubmit: () => Promise<boolean>;
  onClose: () => void;
}

/** Fields in a dialog, saved by Enter or its button. Stays open, with the error, when the hub refuses. */
export function FormDialog({ title, action, children, size = "medium", disabled = false, disabledReason, onSubmit, onClose }: Props) {
  const t = useCommonTexts();
  const form = useId();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || disabled) return;
    setBusy(true);
    setError(undefined);
    try {
      if (await onSubmit()) onClose();
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  return (
    <Modal
      visible
      size={size}
      header={title}
      closeAriaLabel={t("close")}
      // What was typed is not lost by a click beside the dialog.
      onDismiss={({ detail }) => detail.reason !== "overlay" && onClose()}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button variant="primary" form={form} formAction="submit" loading={busy} disabled={disabled} disabledReason={disabledReason}>
              {action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form id={form} onSubmit={(event) => void submit(event)}>
        <SpaceBetween size="m">
          {children}
          {error !== undefined && <ErrorState error={error} title={action} />}
        </SpaceBetween>
      </form>
    </Modal>
  );
}
