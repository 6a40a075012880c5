import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { FocusedInput } from "@/components/FocusedInput";
import { createKey } from "./api";
import { useParameterTexts } from "./texts";

export function NewKeyDialog({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const t = useParameterTexts();
  const [alias, setAlias] = useState("alias/");
  const [description, setDescription] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await createKey(alias.trim(), description.trim());
      onCreated();
      onClose();
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  return (
    <Modal
      visible
      header={t("keyCreate")}
      closeAriaLabel={t("close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button variant="primary" loading={busy} onClick={() => void create()}>
              {t("keyCreate")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {error !== undefined && <ErrorState error={error} title={t("keyCreate")} />}
        <FormField label={t("keyAlias")} constraintText={t("keyAliasHelp")}>
          <FocusedInput value={alias} autoComplete={false} onChange={({ detail }) => setAlias(detail.value)} />
        </FormField>
        <FormField label={t("description")}>
          <Input value={description} autoComplete={false} onChange={({ detail }) => setDescription(detail.value)} />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
