import { useQuery } from "@tanstack/react-query";
import { isTerminal } from "@/components/states";
import { useNodeNames } from "@/components/useNodeNames";
import type { Invocation, InvocationStep } from "@/platform/types";
import { detailsQuery } from "./api";

/** The node whose output is looked at. */
export interface Chosen {
  nodeId: string;
  name: string;
  status: string;
  /** Of all steps together; unknown for a node that is not on the page of the list. */
  bytes: { stdout: number; stderr: number } | undefined;
  steps: readonly InvocationStep[];
  /** Why the steps are not known. */
  stepsError: unknown;
}

const POLL_MS = 5000;

/** A link leads to any node of the command: what is not `listed` is asked for by itself. */
export function useChosen(commandId: string, nodeId: string | undefined, listed: Invocation | undefined): Chosen | undefined {
  const query = useQuery({
    ...detailsQuery(commandId, nodeId ?? ""),
    enabled: nodeId !== undefined,
    refetchInterval: ({ state }) => (state.data && isTerminal(state.data.StatusDetails) ? false : POLL_MS),
  });
  const details = query.data ?? undefined;
  const nameOf = useNodeNames(nodeId !== undefined && !listed ? [nodeId] : []);
  const status = listed?.StatusDetails ?? details?.StatusDetails;
  if (nodeId === undefined || status === undefined) return undefined;
  return {
    nodeId,
    name: listed?.Name ?? nameOf(nodeId),
    status,
    bytes: listed && { stdout: listed.StdoutBytes, stderr: listed.StderrBytes },
    steps: details?.CommandPlugins ?? [],
    stepsError: details ? undefined : (query.error ?? undefined),
  };
}
