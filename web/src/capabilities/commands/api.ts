import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import { ApiError } from "@/platform/errors";
import { FREE_TEXT, isEmpty, where } from "@/platform/filter";
import type { CursorPage } from "@/platform/pages";
import type {
  Approval,
  Command,
  Filter,
  Invocation,
  InvocationDetails,
  NodeSummary,
  ResolveTargetsRequest,
  SendCommandRequest,
  StreamName,
} from "@/platform/types";
import { commandFilters } from "./commandTokens";

export async function listCommands(filter: Filter, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Command>> {
  const filters = commandFilters(filter, Date.now());
  const request = { MaxResults: size, ...(filters.length > 0 ? { Filters: filters } : {}), ...(cursor ? { NextToken: cursor } : {}) };
  const result = await call("AmazonSSM.ListCommands", request, signal);
  return { items: result.Commands, next: result.NextToken || undefined };
}

export function commandQuery(commandId: string) {
  return queryOptions({
    queryKey: ["command", commandId],
    queryFn: ({ signal }) => call("Roadstead.DescribeCommand", { CommandId: commandId }, signal),
  });
}

export async function searchInvocations(
  commandId: string,
  states: readonly string[],
  cursor: string | undefined,
  size: number,
  signal: AbortSignal,
): Promise<CursorPage<Invocation>> {
  const request = {
    CommandId: commandId,
    MaxResults: size,
    ...(states.length > 0 ? { Status: [...states] } : {}),
    ...(cursor ? { NextToken: cursor } : {}),
  };
  const result = await call("Roadstead.SearchInvocations", request, signal);
  return { items: result.Invocations, next: result.NextToken || undefined };
}

export function groupOutputs(commandId: string, signal: AbortSignal) {
  return call("Roadstead.GroupOutputs", { CommandId: commandId }, signal);
}

/** One node's share and its steps, whether or not it stands on the page of the list; `null` where the command does not reach the node. */
export function detailsQuery(commandId: string, nodeId: string) {
  return queryOptions({
    queryKey: ["invocations", commandId, "details", nodeId],
    queryFn: ({ signal }) => detailsOf(commandId, nodeId, signal),
  });
}

export async function detailsOf(commandId: string, nodeId: string, signal: AbortSignal): Promise<InvocationDetails | null> {
  const request = { CommandId: commandId, InstanceId: nodeId, Details: true };
  return (await call("AmazonSSM.ListCommandInvocations", request, signal)).CommandInvocations[0] ?? null;
}

export interface OutputAddress {
  commandId: string;
  nodeId: string;
  /** Counted from 0, in the order in which they run. */
  step: number;
  stream: StreamName;
}

export function getOutput({ commandId, nodeId, step, stream }: OutputAddress, offset: number, most: number, signal?: AbortSignal) {
  const request = { CommandId: commandId, NodeId: nodeId, Step: step, Stream: stream, Offset: offset, MaxBytes: most };
  return call("Roadstead.GetOutput", request, signal);
}

export function resolveTargets(request: ResolveTargetsRequest, signal: AbortSignal) {
  return call("Roadstead.ResolveTargets", request, signal);
}

/** What counts for whoever sends. */
export const ownLimitsQuery = queryOptions({
  queryKey: ["own-limits"],
  queryFn: async ({ signal }) => (await call("Roadstead.GetLimits", {}, signal)).Limits,
  staleTime: 60_000,
});

/** The hub wants to be told how many nodes the command will reach. */
export function needsCount(error: unknown): boolean {
  return error instanceof ApiError && error.code === "ConfirmationRequiredException";
}

export async function sendCommand(request: SendCommandRequest): Promise<string> {
  const { Command: command } = await call("AmazonSSM.SendCommand", request);
  return command.CommandId;
}

export function cancelCommand(commandId: string) {
  return call("AmazonSSM.CancelCommand", { CommandId: commandId });
}

export type RerunScope = "failed" | "all";

/** `confirmed` is how many nodes a person said that it will reach. */
export async function rerunCommand(commandId: string, scope: RerunScope, confirmed?: number): Promise<string> {
  const { CommandId } = await call("Roadstead.RerunCommand", {
    CommandId: commandId,
    Scope: scope,
    ...(confirmed === undefined ? {} : { ConfirmedTargets: confirmed }),
  });
  return CommandId;
}

export async function listApprovals(isOpen: boolean, filter: Filter, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Approval>> {
  const request = { OnlyOpen: isOpen, MaxResults: size, ...(isEmpty(filter) ? {} : { Filter: filter }), ...(cursor ? { NextToken: cursor } : {}) };
  const { Approvals, NextToken } = await call("Roadstead.ListApprovals", request, signal);
  return { items: Approvals, next: NextToken };
}

/** The approval that a command waits for or was given; `null` when it needs none. */
export function approvalQuery(commandId: string) {
  return queryOptions({
    queryKey: ["approvals", "of", commandId],
    queryFn: async ({ signal }) => (await call("Roadstead.ListApprovals", { CommandId: commandId }, signal)).Approvals[0] ?? null,
  });
}

export type Verdict = "approve" | "reject";

export async function decide(commandId: string, verdict: Verdict, reason: string): Promise<Approval> {
  const request = { CommandId: commandId, Reason: reason };
  const { Approval: decided } = await call(verdict === "approve" ? "Roadstead.ApproveCommand" : "Roadstead.RejectCommand", request);
  return decided;
}

export const notificationChannelsQuery = queryOptions({
  queryKey: ["notification-channels", "names"],
  queryFn: async ({ signal }) => (await call("Roadstead.ListNotificationChannels", {}, signal)).Channels,
});

export const objectStoresQuery = queryOptions({
  queryKey: ["object-stores", "names"],
  queryFn: async ({ signal }) => (await call("Roadstead.ListObjectStores", {}, signal)).Stores,
});

export async function findNodes(text: string, signal?: AbortSignal): Promise<NodeSummary[]> {
  const filter = text ? { Filter: where(FREE_TEXT, "contains", text) } : {};
  const { Nodes } = await call("Roadstead.SearchNodes", { MaxResults: 50, ...filter }, signal);
  return Nodes;
}
