import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import { FocusedInput } from "@/components/FocusedInput";
import type { CreatedAccessKey } from "@/platform/types";
import { createAccessKey } from "./api";
import { useAccessTexts } from "./texts";

/** Asks what the key is for, then shows the secret this one time. */
export function CreateKeyDialog({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const t = useAccessTexts();
  const [description, setDescription] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [key, setKey] = useState<CreatedAccessKey>();

  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      setKey(await createAccessKey(description.trim()));
      onCreated();
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  const footer = key ? (
    <Button variant="primary" onClick={onClose}>
      {t("done")}
    </Button>
  ) : (
    <SpaceBetween direction="horizontal" size="xs">
      <Button variant="link" onClick={onClose}>
        {t("cancel")}
      </Button>
      <Button variant="primary" loading={busy} onClick={() => void create()}>
        {t("keyCreate")}
      </Button>
    </SpaceBetween>
  );

  return (
    <Modal
      visible
      size={key ? "large" : "medium"}
      header={key ? t("keyReady") : t("keyCreate")}
      closeAriaLabel={t("close")}
      // A click beside the dialog must not lose the secret.
      onDismiss={({ detail }) => (key && detail.reason === "overlay" ? undefined : onClose())}
      footer={<Box float="right">{footer}</Box>}
    >
      {key ? <CreatedKey created={key} /> : (
        <SpaceBetween size="m">
          {error !== undefined && <ErrorState error={error} title={t("keyCreate")} />}
          <FormField label={t("keyDescription")} constraintText={t("keyDescriptionHelp")}>
            <FocusedInput
              value={description}
                autoComplete={false}
              onChange={({ detail }) => setDescription(detail.value)}
              onKeyDown={({ detail }) => detail.key === "Enter" && void create()}
            />
          </FormField>
        </SpaceBetween>
      )}
    </Modal>
  );
}

function CreatedKey({ created }: { created: CreatedAccessKey }) {
  const t = useAccessTexts();
  const shell = `export AWS_ACCESS_KEY_ID=${created.AccessKeyId}\nexport AWS_SECRET_ACCESS_KEY=${created.SecretAccessKey}`;
  return (
    <SpaceBetween size="m">
      <Alert type="warning">{t("keySecretOnce")}</Alert>
      <FormField label={t("keyId")} stretch>
        <CopyLine text={created.AccessKeyId} label={t("keyId")} />
      </FormField>
      <FormField label={t("keySecret")} stretch>
        <CopyLine text={created.SecretAccessKey} label={t("keySecret")} />
      </FormField>
      <FormField label={t("keyShell")} stretch>
        <CopyLine text={shell} label={t("keyShell")} />
      </FormField>
    </SpaceBetween>
  );
}
