import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import { FocusedInput } from "@/components/FocusedInput";
import type { CreatedAccessKey } from "@/platform/types";
import { createAccessKey } from "./api";
import { keyRequest } from "./rules";
import { useAccessTexts } from "./texts";

const NEVER = "never";
const DAYS = ["30", "90", "365"];

/** Asks what the key is for, then shows the secret this one time. */
export function CreateKeyDialog({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const t = useAccessTexts();
  const [description, setDescription] = useState("");
  const [days, setDays] = useState<string>(NEVER);
  const [scope, setScope] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [key, setKey] = useState<CreatedAccessKey>();

  const options = [{ value: NEVER, label: t("keyNever") }, ...DAYS.map((value) => ({ value, label: t("keyDays", { days: value }) }))];

  const create = async () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      setKey(await createAccessKey(keyRequest(description, days === NEVER ? undefined : Number(days), scope, Date.now())));
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
              onKeyDown={({ detail }) => detail.key === "Enter" && !detail.isComposing && void create()}
            />
          </FormField>
          <FormField label={t("keyExpires")}>
            <Select
              selectedOption={options.find(({ value }) => value === days) ?? null}
              options={options}
              onChange={({ detail }) => setDays(detail.selectedOption.value ?? NEVER)}
            />
          </FormField>
          <FormField label={t("keyScope")} constraintText={t("keyScopeHelp")}>
            <Textarea value={scope} rows={3} spellcheck={false} onChange={({ detail }) => setScope(detail.value)} />
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
