import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { TagsEditor } from "@/components/TagsEditor";
import { hasTagErrors, tagChanges } from "@/components/tagRules";
import type { Tag } from "@/platform/types";
import { changeTags, tagsQuery } from "./api";
import { useParameterTexts } from "./texts";

export function ParameterTags({ name }: { name: string }) {
  const query = useQuery(tagsQuery(name));
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner />;
  return <Editor key={JSON.stringify(query.data)} name={name} kept={query.data} />;
}

function Editor({ name, kept }: { name: string; kept: Tag[] }) {
  const t = useParameterTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const [tags, setTags] = useState<Tag[]>(kept);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { removed, set } = tagChanges(kept, tags);
  const isChanged = removed.length > 0 || set.length > 0;

  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await changeTags(name, removed, set);
      notify({ type: "success", content: t("tagsSaved") });
      await client.invalidateQueries({ queryKey: ["parameters", name, "tags"] });
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
          <Button variant="link" disabled={!isChanged} onClick={() => setTags(kept)}>
            {t("cancel")}
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}
