import { useQueryClient } from "@tanstack/react-query";
import { EmptyState } from "@/components/EmptyState";
import { TagsForm } from "@/components/TagsForm";
import type { DocumentDescription, Tag } from "@/platform/types";
import { changeTags } from "./api";
import { isOfLibrary } from "./rules";
import { useDocumentTexts } from "./texts";

export function DocumentTags({ description }: { description: DocumentDescription }) {
  const t = useDocumentTexts();
  const client = useQueryClient();
  if (isOfLibrary(description)) return <EmptyState title={t("tagsNone")}>{t("libraryReason")}</EmptyState>;

  const save = async (removed: string[], set: Tag[]) => {
    await changeTags(description.Name, removed, set);
    await client.invalidateQueries({ queryKey: ["documents"] });
  };
  return <TagsForm kept={description.Tags ?? []} onSave={save} />;
}
