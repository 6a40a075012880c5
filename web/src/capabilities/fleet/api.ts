import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import { isEmpty } from "@/platform/filter";
import type { CursorPage } from "@/platform/pages";
import type { Command, NodeSummary, SearchNodesRequest, Session, Tag } from "@/platform/types";
import type { View } from "@/platform/view";

export async function searchNodes(view: View, cursor: string | undefined, signal: AbortSignal): Promise<CursorPage<NodeSummary>> {
  const request: SearchNodesRequest = { MaxResults: view.size };
  if (!isEmpty(view.filter)) request.Filter = view.filter;
  if (view.sort) request.Sort = view.sort;
  if (cursor) request.NextToken = cursor;
  const result = await call("Roadstead.SearchNodes", request, signal);
  return { items: result.Nodes, next: result.NextToken, total: result.Total };
}

export function nodeQuery(nodeId: string) {
  return queryOptions({
    queryKey: ["nodes", nodeId],
    queryFn: ({ signal }) => call("Roadstead.DescribeNode", { NodeId: nodeId }, signal),
    refetchInterval: 15_000,
  });
}

export async function commandsOf(nodeId: string, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Command>> {
  const result = await call(
    "AmazonSSM.ListCommands",
    { InstanceId: nodeId, MaxResults: size, ...(cursor ? { NextToken: cursor } : {}) },
    signal,
  );
  return { items: result.Commands, next: result.NextToken || undefined };
}

/** Active sessions first, then the ended ones, on one page each. */
export async function sessionsOf(nodeId: string, signal: AbortSignal): Promise<CursorPage<Session>> {
  const list = (State: string) =>
    call("AmazonSSM.DescribeSessions", { State, MaxResults: 50, Filters: [{ key: "Target", value: nodeId }] }, signal);
  const [active, history] = await Promise.all([list("Active"), list("History")]);
  return { items: [...active.Sessions, ...history.Sessions] };
}

/** What the node may read of parameters, has, and makes of it. */
export function parametersQuery(nodeId: string) {
  return queryOptions({
    queryKey: ["nodes", nodeId, "parameters"],
    queryFn: ({ signal }) => call("Roadstead.DescribeNodeParameters", { NodeId: nodeId }, signal),
    refetchInterval: 15_000,
  });
}

export function removeNode(nodeId: string) {
  return call("AmazonSSM.DeregisterManagedInstance", { InstanceId: nodeId });
}

export function renameNode(nodeId: string, name: string) {
  return call("Roadstead.RenameNode", { NodeId: nodeId, Name: name });
}

/** The copy of the node becomes a node of its own when it calls again. */
export function renewIdentity(nodeId: string) {
  return call("Roadstead.RenewNodeIdentity", { NodeId: nodeId });
}

export function releaseNode(nodeId: string) {
  return call("Roadstead.ReleaseNode", { NodeId: nodeId });
}

export async function changeTags(nodeId: string, removed: string[], added: Tag[]) {
  const resource = { ResourceType: "ManagedInstance", ResourceId: nodeId };
  if (removed.length > 0) await call("AmazonSSM.RemoveTagsFromResource", { ...resource, TagKeys: removed });
  if (added.length > 0) await call("AmazonSSM.AddTagsToResource", { ...resource, Tags: added });
}
