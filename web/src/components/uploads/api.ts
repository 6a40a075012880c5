import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";

/** How it stands with the output of a node's share on its way to a bucket; nothing where it was not to go to one. */
export function uploadQuery(commandId: string, nodeId: string) {
  return queryOptions({
    queryKey: ["output-uploads", "of", commandId, nodeId],
    queryFn: async ({ signal }) => (await call("Roadstead.ListOutputUploads", { CommandId: commandId, NodeId: nodeId }, signal)).Uploads[0] ?? null,
  });
}

export function retryUpload(commandId: string, nodeId: string) {
  return call("Roadstead.RetryOutputUpload", { CommandId: commandId, NodeId: nodeId });
}
