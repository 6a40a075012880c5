import { useQueryClient } from "@tanstack/react-query";
import { TagsForm } from "@/components/TagsForm";
import type { NodeSummary, Tag } from "@/platform/types";
import { changeTags } from "./api";

export function NodeTags({ node }: { node: NodeSummary }) {
  const client = useQueryClient();
  const save = async (removed: string[], set: Tag[]) => {
    await changeTags(node.NodeId, removed, set);
    await client.invalidateQueries({ queryKey: ["nodes"] });
  };
  return <TagsForm kept={node.Tags} onSave={save} />;
}
