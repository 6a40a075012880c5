import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ErrorState } from "@/components/ErrorState";
import { TagsForm } from "@/components/TagsForm";
import type { Tag } from "@/platform/types";
import { changeTags, tagsQuery } from "./api";

export function ParameterTags({ name }: { name: string }) {
  const client = useQueryClient();
  const query = useQuery(tagsQuery(name));
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner />;
  const save = async (removed: string[], set: Tag[]) => {
    await changeTags(name, removed, set);
    await client.invalidateQueries({ queryKey: ["parameters", name, "tags"] });
  };
  return <TagsForm kept={query.data} onSave={save} />;
}
