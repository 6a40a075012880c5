import { queryOptions } from "@tanstack/react-query";
import { roadstead, ssm } from "@/platform/api";
import type { CursorPage } from "@/platform/pages";
import type {
  Command,
  CommandDescription,
  Invocation,
  NodeSummary,
  OutputGroup,
  OutputPiece,
  ResolveTargetsRequest,
  ResolvedTargets,
  SearchNodesResult,
  SendCommandRequest,
  StreamName,
} from "@/platform/types";

export async function listCommands(status: string | undefined, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Command>> {
  const request = {
    MaxResults: Math.min(size, 50),
    ...(status ? { Filters: [{ key: "Status", value: status }] } : {}),
    ...(cursor ? { NextToken: cursor } : {}),
  };
  const result = await ssm<{ Commands: Command[]; NextToken?: string }>("ListCommands", request, signal);
  return { items: result.Commands, next: result.NextToken || undefined };
}

export function commandQuery(commandId: string) {
  return queryOptions({
    queryKey: ["command", commandId],
    queryFn: ({ signal }) => roadstead<CommandDescription>("DescribeCommand", { CommandId: commandId }, signal),
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
    ...(states.length > 0 ? { Status: states } : {}),
    ...(cursor ? { NextToken: cursor } : {}),
  };
  const result = await roadstead<{ Invocations: Invocation[]; NextToken?: string }>("SearchInvocations", request, signal);
  return { items: result.Invocations, next: result.NextToken || undefined };
}

export async function groupOutputs(commandId: string, signal: AbortSignal): Promise<OutputGroup[]> {
  const { Groups } = await roadstead<{ Groups: OutputGroup[] }>("GroupOutputs", { CommandId: commandId }, signal);
  return Groups;
}

export interface OutputAddress {
  commandId: string;
  nodeId: string;
  stream: StreamName;
}

export function getOutput({ commandId, nodeId, stream }: OutputAddress, offset: number, most: number, signal?: AbortSignal) {
  const request = { CommandId: commandId, NodeId: nodeId, Stream: stream, Offset: offset, MaxBytes: most };
  return roadstead<OutputPiece>("GetOutput", request, signal);
}

export function resolveTargets(request: ResolveTargetsRequest, signal: AbortSignal) {
  return roadstead<ResolvedTargets>("ResolveTargets", request, signal);
}

export async function sendCommand(request: SendCommandRequest): Promise<string> {
  const { Command: command } = await ssm<{ Command: Command }>("SendCommand", request);
  return command.CommandId;
}

export function cancelCommand(commandId: string) {
  return ssm("CancelCommand", { CommandId: commandId });
}

export async function rerunCommand(commandId: string, scope: "failed" | "all"): Promise<string> {
  const { CommandId } = await roadstead<{ CommandId: string }>("RerunCommand", { CommandId: commandId, Scope: scope });
  return CommandId;
}

export async function findNodes(text: string, signal?: AbortSignal): Promise<NodeSummary[]> {
  const filter = text ? { Filter: { Join: "and", Terms: [{ Key: "text", Op: "contains", Value: text }] } } : {};
  const { Nodes } = await roadstead<SearchNodesResult>("SearchNodes", { MaxResults: 50, ...filter }, signal);
  return Nodes;
}
