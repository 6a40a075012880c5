import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { TagsEditor } from "@/components/TagsEditor";
import { hasTagErrors, tagChanges } from "@/components/tagRules";
import type { NodeSummary, Tag } from "@/platform/types";
import { changeTags } from "./api";
import { useFleetTexts } from "./texts";

export function NodeTags({ node }: { node: NodeSummary }) {
  const t = useFleetTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const [tags, setTags] = useState<Tag[]>(node.Tags);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { removed, set } = tagChanges(node.Tags, tags);
  const isChanged = removed.length > 0 || set.length > 0;

  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await changeTags(node.NodeId, removed, set);
      notify({ type: "success", content: t("tagsSaved") });
      await client.invalidateQueries({ queryKey: ["nodes"] });
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  return (
    <Container>
      <SpaceBetween size="l">
        {error !== undefined && <ErrorState error={error} title={t("tagsFailed")} />}
        <TagsEditor tags={tags} onChange={setTags} />
        <SpaceBetween direction="horizontal" size="xs">
          <Button variant="primary" disabled={!isChanged || hasTagErrors(tags)} loading={busy} onClick={() => void save()}>
            {t("save")}
          </Button>
          <Button variant="link" disabled={!isChanged} onClick={() => setTags(node.Tags)}>
            {t("cancel")}
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}
