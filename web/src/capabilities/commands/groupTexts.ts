import { AnsiStripper } from "@/components/ansi";
import type { OutputGroup, OutputGroupStep, StreamName } from "@/platform/types";
import { getOutput } from "./api";

/** What the nodes of a group wrote in a step, as far as it is compared. */
export interface StepTexts extends Record<StreamName, string> {
  name: string;
  /** There is more. */
  isCut: boolean;
}

/** Of each stream of a step; nobody reads a longer difference on a page. */
const STREAM_BYTES = 128 * 1024;

/** A group shows beginnings: of longer outputs more is read from one of its nodes, which all wrote the same. */
export function groupTexts(commandId: string, group: OutputGroup, signal: AbortSignal): Promise<StepTexts[]> {
  const [nodeId] = group.NodeIds;
  return Promise.all(group.Steps.map((step, at) => (step.Truncated && nodeId !== undefined ? readStep(commandId, nodeId, at, step, signal) : shownStep(step))));
}

export function shownStep({ Name, Stdout, Stderr, Message, Truncated }: OutputGroupStep): StepTexts {
  return { name: Name, stdout: plain(Stdout), stderr: withMessage(plain(Stderr), Message), isCut: Truncated };
}

async function readStep(commandId: string, nodeId: string, at: number, { Name, Message }: OutputGroupStep, signal: AbortSignal): Promise<StepTexts> {
  const read = (stream: StreamName) => getOutput({ commandId, nodeId, step: at, stream }, 0, STREAM_BYTES, signal);
  const [stdout, stderr] = await Promise.all([read("stdout"), read("stderr")]);
  return {
    name: Name,
    stdout: plain(stdout.Text),
    stderr: withMessage(plain(stderr.Text), Message),
    isCut: [stdout, stderr].some(({ Cut, NextOffset, StoredBytes }) => Cut !== undefined || NextOffset < StoredBytes),
  };
}

/** What there is to say about a step stands below its errors. */
function withMessage(text: string, message: string): string {
  if (message === "" || text === "") return text + message;
  return `${text.replace(/\n$/, "")}\n${message}`;
}

export function plain(text: string): string {
  return new AnsiStripper().strip(text);
}
