import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { FocusedInput } from "@/components/FocusedInput";
import { useNotify } from "@/components/Notifications";
import type { NodeSummary } from "@/platform/types";
import { renameNode } from "./api";
import { useFleetTexts } from "./texts";

interface Props {
  node: NodeSummary;
  onClose: () => void;
  onRenamed: () => void;
}

export function RenameDialog({ node, onClose, onRenamed }: Props) {
  const t = useFleetTexts();
  const notify = useNotify();
  const [name, setName] = useState(node.Name);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const isUseful = name.trim() !== "" && name.trim() !== node.Name;

  const rename = async () => {
    if (!isUseful || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await renameNode(node.NodeId, name.trim());
      notify({ type: "success", content: t("renamed", { name: name.trim() }) });
      onRenamed();
      onClose();
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  return (
    <Modal
      visible
      header={t("renameTitle", { name: node.Name })}
      closeAriaLabel={t("close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button variant="primary" disabled={!isUseful} loading={busy} onClick={() => void rename()}>
              {t("save")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {error !== undefined && <ErrorState error={error} title={t("rename")} />}
        <FormField label={t("name")} constraintText={t("renameHelp")}>
          <FocusedInput
            value={name}
            autoComplete={false}
            onChange={({ detail }) => setName(detail.value)}
            onKeyDown={({ detail }) => detail.key === "Enter" && !detail.isComposing && void rename()}
          />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
