import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { TagsEditor } from "@/components/TagsEditor";
import { hasTagErrors, tagChanges } from "@/components/tagRules";
import type { NodeSummary, Tag } from "@/platform/types";
import { changeTags } from "./api";
import { useFleetTexts } from "./texts";

interface Props {
  node: NodeSummary;
  onClose: () => void;
  onSaved: () => void;
}

export function TagsDialog({ node, onClose, onSaved }: Props) {
  const t = useFleetTexts();
  const notify = useNotify();
  const [tags, setTags] = useState<Tag[]>(node.Tags);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const save = async () => {
    const { removed, set } = tagChanges(node.Tags, tags);
    setBusy(true);
    setError(undefined);
    try {
      await changeTags(node.NodeId, removed, set);
      notify({ type: "success", content: t("tagsSaved") });
      onSaved();
      onClose();
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  return (
    <Modal
      visible
      size="large"
      header={t("tagsOf", { name: node.Name })}
      closeAriaLabel={t("close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button variant="primary" disabled={hasTagErrors(tags)} loading={busy} onClick={() => void save()}>
              {t("save")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {error !== undefined && <ErrorState error={error} title={t("tagsFailed")} />}
        <TagsEditor tags={tags} onChange={setTags} />
      </SpaceBetween>
    </Modal>
  );
}
