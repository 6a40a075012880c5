import { call } from "@/platform/api";
import { AnsiStripper } from "@/components/ansi";
import { type CsvColumn, csvTime } from "@/components/csv";
import { type CursorPage, allItems } from "@/platform/pages";
import type { Invocation, InvocationDetails } from "@/platform/types";
import { searchInvocations } from "./api";
import type { Translator } from "./texts";

/** A node's share of a command with the beginning of what it wrote. */
export interface InvocationRow extends Invocation {
  output: string;
}

export function csvColumns(t: Translator): CsvColumn<InvocationRow>[] {
  return [
    { header: t("node"), cell: ({ NodeId }) => NodeId },
    { header: t("nodeName"), cell: ({ Name }) => Name },
    { header: t("status"), cell: ({ StatusDetails }) => StatusDetails },
    { header: t("exitCode"), cell: ({ ExitCode }) => ExitCode },
    { header: t("startedUtc"), cell: ({ StartedAt }) => csvTime(StartedAt) },
    { header: t("endedUtc"), cell: ({ EndedAt }) => csvTime(EndedAt) },
    { header: t("message"), cell: ({ Message }) => Message },
    { header: t("outputBeginning"), cell: ({ output }) => output },
  ];
}

/** The pages that the two operations answer at most. */
const SHARES = 100;
const DETAILS = 50;

/** The nodes of a command in these states, all of them. */
export async function allInvocations(commandId: string, states: readonly string[], signal: AbortSignal): Promise<InvocationRow[]> {
  const [shares, details] = await Promise.all([
    allItems((cursor, size) => searchInvocations(commandId, states, cursor, size, signal), SHARES, signal),
    allItems((cursor, size) => detailsPage(commandId, states, cursor, size, signal), DETAILS, signal),
  ]);
  const outputs = new Map(details.map((share) => [share.nodeId, share.output]));
  return shares.map((share) => ({ ...share, output: outputs.get(share.NodeId) ?? "" }));
}

interface Beginning {
  nodeId: string;
  output: string;
}

async function detailsPage(commandId: string, states: readonly string[], cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Beginning>> {
  // Upstream's filter takes one state; with several, what is too much is left out when the two lists are joined.
  const only = states.length === 1 ? states[0] : undefined;
  const request = {
    CommandId: commandId,
    Details: true,
    MaxResults: size,
    ...(only ? { Filters: [{ key: "Status", value: only }] } : {}),
    ...(cursor ? { NextToken: cursor } : {}),
  };
  const { CommandInvocations, NextToken } = await call("AmazonSSM.ListCommandInvocations", request, signal);
  return { items: CommandInvocations.map(beginning), next: NextToken || undefined };
}

function beginning({ InstanceId, CommandPlugins }: InvocationDetails): Beginning {
  const outputs = CommandPlugins.map(({ Output }) => new AnsiStripper().strip(Output)).filter(Boolean);
  return { nodeId: InstanceId, output: outputs.join("\n") };
}
