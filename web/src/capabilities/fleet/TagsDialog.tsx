import { useState } from "react";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import { TagsEditor } from "@/components/TagsEditor";
import { hasTagErrors, tagChanges } from "@/components/tagRules";
import { useCommonTexts } from "@/components/texts";
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
  const common = useCommonTexts();
  const notify = useNotify();
  // As they were when the dialog opened: the list is brought up to date behind it, and a tag that came since is not to be removed.
  const [kept] = useState<readonly Tag[]>(node.Tags);
  const [tags, setTags] = useState<Tag[]>(node.Tags);

  const save = async () => {
    const { removed, set } = tagChanges(kept, tags);
    await changeTags(node.NodeId, removed, set);
    notify({ type: "success", content: common("tagsSaved") });
    onSaved();
    return true;
  };

  return (
    <FormDialog size="large" title={t("tagsOf", { name: node.Name })} action={t("save")} disabled={hasTagErrors(tags)} onSubmit={save} onClose={onClose}>
      <TagsEditor tags={tags} onChange={setTags} />
    </FormDialog>
  );
}
