import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { Tag } from "@/platform/types";
import { ErrorState } from "./ErrorState";
import { useNotify } from "./Notifications";
import { TagsEditor } from "./TagsEditor";
import { hasTagErrors, tagChanges } from "./tagRules";
import { useCommonTexts } from "./texts";

interface Props {
  /** The tags that are stored. */
  kept: Tag[];
  onSave: (removed: string[], set: Tag[]) => Promise<unknown>;
}

/** The tags of one thing, on its page. Begins anew when other tags are stored. */
export function TagsForm(props: Props) {
  return <Editor key={JSON.stringify(props.kept)} {...props} />;
}

function Editor({ kept, onSave }: Props) {
  const t = useCommonTexts();
  const notify = useNotify();
  const [tags, setTags] = useState(kept);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { removed, set } = tagChanges(kept, tags);
  const isChanged = removed.length > 0 || set.length > 0;

  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onSave(removed, set);
      notify({ type: "success", content: t("tagsSaved") });
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
