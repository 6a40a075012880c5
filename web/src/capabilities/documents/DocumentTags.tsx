import { useQueryClient } from "@tanstack/react-query";
import { TagsForm } from "@/components/TagsForm";
import type { DocumentDescription, Tag } from "@/platform/types";
import { changeTags } from "./api";

export function DocumentTags({ description: { Name, Tags } }: { description: DocumentDescription }) {
  const client = useQueryClient();
  const save = async (removed: string[], set: Tag[]) => {
    await changeTags(Name, removed, set);
    await client.invalidateQueries({ queryKey: ["documents"] });
  };
  return <TagsForm kept={Tags ?? []} onSave={save} />;
}
