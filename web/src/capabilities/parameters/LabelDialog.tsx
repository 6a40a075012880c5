import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { FocusedInput } from "@/components/FocusedInput";
import { label } from "./api";
import { useParameterTexts } from "./texts";

interface Props {
  name: string;
  version: number;
  onClose: () => void;
  onSaved: () => void;
}

export function LabelDialog({ name, version, onClose, onSaved }: Props) {
  const t = useParameterTexts();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [isInvalid, setInvalid] = useState(false);
  const [error, setError] = useState<unknown>();

  const save = async () => {
    if (text.trim() === "" || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const { InvalidLabels } = await label(name, version, text.trim());
      if (InvalidLabels.length === 0) {
        onSaved();
        onClose();
        return;
      }
      setInvalid(true);
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  return (
    <Modal
      visible
      header={t("labelAdd", { version })}
      closeAriaLabel={t("close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button variant="primary" loading={busy} disabled={text.trim() === ""} onClick={() => void save()}>
              {t("labelSave")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {error !== undefined && <ErrorState error={error} title={t("labelSave")} />}
        <FormField label={t("labelName")} errorText={isInvalid ? t("labelInvalid") : undefined}>
          <FocusedInput
            value={text}
            autoComplete={false}
            onChange={({ detail }) => {
              setText(detail.value);
              setInvalid(false);
            }}
            onKeyDown={({ detail }) => detail.key === "Enter" && void save()}
          />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
