import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import { FREE_TEXT, where } from "@/platform/filter";
import type { CursorPage } from "@/platform/pages";
import type {
  Command,
  Invocation,
  NodeSummary,
  OutputGroup,
  ResolveTargetsRequest,
  SendCommandRequest,
  StreamName,
} from "@/platform/types";

export async function listCommands(status: string | undefined, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Command>> {
  const request = {
    MaxResults: size,
    ...(status ? { Filters: [{ key: "Status", value: status }] } : {}),
    ...(cursor ? { NextToken: cursor } : {}),
  };
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

export async function groupOutputs(commandId: string, signal: AbortSignal): Promise<OutputGroup[]> {
  const { Groups } = await call("Roadstead.GroupOutputs", { CommandId: commandId }, signal);
  return Groups;
}

export interface OutputAddress {
  commandId: string;
  nodeId: string;
  stream: StreamName;
}

export function getOutput({ commandId, nodeId, stream }: OutputAddress, offset: number, most: number, signal?: AbortSignal) {
  const request = { CommandId: commandId, NodeId: nodeId, Stream: stream, Offset: offset, MaxBytes: most };
  return call("Roadstead.GetOutput", request, signal);
}

export function resolveTargets(request: ResolveTargetsRequest, signal: AbortSignal) {
  return call("Roadstead.ResolveTargets", request, signal);
}

export async function sendCommand(request: SendCommandRequest): Promise<string> {
  const { Command: command } = await call("AmazonSSM.SendCommand", request);
  return command.CommandId;
}

export function cancelCommand(commandId: string) {
  return call("AmazonSSM.CancelCommand", { CommandId: commandId });
}

export async function rerunCommand(commandId: string, scope: "failed" | "all"): Promise<string> {
  const { CommandId } = await call("Roadstead.RerunCommand", { CommandId: commandId, Scope: scope });
  return CommandId;
}

export async function findNodes(text: string, signal?: AbortSignal): Promise<NodeSummary[]> {
  const filter = text ? { Filter: where(FREE_TEXT, "contains", text) } : {};
  const { Nodes } = await call("Roadstead.SearchNodes", { MaxResults: 50, ...filter }, signal);
  return Nodes;
}
