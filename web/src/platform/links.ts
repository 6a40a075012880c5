import { filterToText, isEmpty, where } from "./filter";
import type { Filter } from "./types";

/** Every node's id starts so; the filter that means all of them. */
const EVERY_NODE = where("id", "prefix", "mi-");

export function runOnNodes(nodeIds: readonly string[]): string {
  return `/commands/new?nodes=${nodeIds.join(",")}`;
}

export function runOnFilter(filter: Filter): string {
  return `/commands/new?filter=${encodeURIComponent(filterToText(isEmpty(filter) ? EVERY_NODE : filter))}`;
}

export function nodesWith(filter: Filter): string {
  return `/nodes?filter=${encodeURIComponent(filterToText(filter))}`;
}

export function shellOn(nodeId: string): string {
  return `/sessions/new?node=${nodeId}`;
}

export function documentAt(name: string, version?: string): string {
  return `/documents/at/${encodeURIComponent(name)}${version ? `?version=${encodeURIComponent(version)}` : ""}`;
}

export function runDocument(name: string, version?: string): string {
  return `/commands/new?${new URLSearchParams({ document: name, ...(version ? { version } : {}) }).toString()}`;
}

export function auditOf(target: string): string {
  return `/audit?filter=${encodeURIComponent(filterToText(where("target", "eq", target)))}`;
}

/** A log group; with the beginning of its streams' names those streams alone, whenever they were written. */
export function logsOf(group: string, prefix?: string): string {
  return `/logs/at?${new URLSearchParams({ group, ...(prefix ? { prefix, since: "all" } : {}) }).toString()}`;
}

export function logStreamAt(group: string, stream: string): string {
  return `/logs/stream?${new URLSearchParams({ group, stream }).toString()}`;
}

/** A command, with the output of one step, by its name, of one of its nodes open. */
export function outputOf(commandId: string, nodeId: string, step: string, stream: string): string {
  return `/commands/${commandId}?${new URLSearchParams({ node: nodeId, step: `name:${step}`, ...(stream === "stderr" ? { stream } : {}) }).toString()}`;
}

export function parameterAt(name: string, tab?: string): string {
  return `/parameters/at?name=${encodeURIComponent(name)}${tab ? `&tab=${tab}` : ""}`;
}
