import { type ParameterSpec, givenOf, problemOf, shownValue } from "@/components/documentParameters";
import { DEFAULT_VERSION } from "@/components/documents";
import { filterFromText, filterToText, isEmpty } from "@/platform/filter";
import type { Filter, OfflineChoice, ResolveTargetsRequest, SendCommandRequest, Target } from "@/platform/types";
import { isLogGroup } from "./logGroup";

/** What the wizard collects, and its two translations into requests. Pure. */

export const NODES_MOST = 50;
/** From this many nodes on the number is typed before anything starts. */
export const CONFIRM_ABOVE = 50;

export type TargetKind = "nodes" | "tags" | "filter";
export type WhatKind = "script" | "document";

export interface TagRow {
  key: string;
  values: string;
}

export interface Draft {
  kind: TargetKind;
  nodes: readonly { id: string; name: string }[];
  tags: readonly TagRow[];
  filter: Filter;
  what: WhatKind;
  script: string;
  documentName: string;
  documentVersion: string;
  /** What was typed for the document's parameters. */
  values: Readonly<Record<string, string>>;
  workingDirectory: string;
  deliveryTimeout: string;
  executionTimeout: string;
  comment: string;
  concurrency: string;
  maxErrors: string;
  /** Empty for none, as the next ones. */
  canary: string;
  user: string;
  /** A channel that is told of its end. */
  notify: string;
  /** `BUCKET[/PREFIX]`, empty for none. */
  outputPlace: string;
  /** Its output is shown among the logs, too; the group's name is empty for the usual one. */
  isLogged: boolean;
  logGroup: string;
  /** Lines of `NAME=value`. */
  environment: string;
  nice: string;
  memory: string;
  cpu: string;
  offline: OfflineChoice;
}

export const DELIVERY_RANGE = { min: 30, max: 2_592_000 };
export const EXECUTION_RANGE = { min: 1, max: 172_800 };
export const NICE_RANGE = { min: 0, max: 19 };
export const MEMORY_RANGE = { min: 16, max: 16_777_216 };
export const CPU_RANGE = { min: 1, max: 100_000 };

/** The address says what to start with: `?nodes=a,b` or `?filter=…`, and `?document=…`. */
export function draftFromParams(params: URLSearchParams): Draft {
  const nodes = (params.get("nodes") ?? "").split(",").filter(Boolean);
  const filter = filterFromText(params.get("filter") ?? "");
  return {
    kind: params.has("filter") ? "filter" : "nodes",
    nodes: nodes.map((id) => ({ id, name: id })),
    tags: [{ key: "", values: "" }],
    filter,
    what: params.has("document") ? "document" : "script",
    script: "",
    documentName: params.get("document") ?? "",
    documentVersion: params.get("version") ?? DEFAULT_VERSION,
    values: {},
    workingDirectory: "",
    deliveryTimeout: "600",
    executionTimeout: "3600",
    comment: "",
    concurrency: "50",
    maxErrors: "0",
    canary: "",
    user: "",
    notify: "",
    outputPlace: "",
    isLogged: false,
    logGroup: "",
    environment: "",
    nice: "",
    memory: "",
    cpu: "",
    offline: "Wait",
  };
}

export function tagTargets(rows: readonly TagRow[]): Target[] {
  return rows
    .map(({ key, values }) => ({ Key: `tag:${key.trim()}`, Values: values.split(",").map((value) => value.trim()).filter(Boolean) }))
    .filter(({ Key, Values }) => Key !== "tag:" && Values.length > 0);
}

/** `undefined` while nothing is chosen. */
export function resolveRequest(draft: Draft): ResolveTargetsRequest | undefined {
  const timeout = inRange(draft.deliveryTimeout, DELIVERY_RANGE) ? { TimeoutSeconds: Number(draft.deliveryTimeout) } : {};
  if (draft.kind === "nodes") return draft.nodes.length > 0 ? { InstanceIds: draft.nodes.map(({ id }) => id), ...timeout } : undefined;
  if (draft.kind === "tags") {
    const targets = tagTargets(draft.tags);
    return targets.length > 0 ? { Targets: targets, ...timeout } : undefined;
  }
  return isEmpty(draft.filter) ? undefined : { Filter: draft.filter, ...timeout };
}

export function sendRequest(draft: Draft, specs: readonly ParameterSpec[]): SendCommandRequest {
  return {
    ...(draft.what === "script" ? scriptOf(draft) : documentOf(draft, specs)),
    TimeoutSeconds: Number(draft.deliveryTimeout),
    MaxConcurrency: draft.concurrency.trim(),
    MaxErrors: draft.maxErrors.trim(),
    ...(draft.canary.trim() ? { Canary: draft.canary.trim() } : {}),
    OfflineNodes: draft.offline,
    ...settingsOf(draft),
    ...noticeOf(draft),
    ...placeOf(draft),
    ...logOf(draft),
    ...(draft.comment.trim() ? { Comment: draft.comment.trim() } : {}),
    ...targetsOf(draft),
  };
}

/** The document that runs what was typed, or the chosen one. */
export function documentName({ what, documentName: chosen }: Draft): string {
  return what === "script" ? "AWS-RunShellScript" : chosen;
}

type What = Pick<SendCommandRequest, "DocumentName" | "DocumentVersion" | "Parameters">;

function scriptOf(draft: Draft): What {
  const parameters: Record<string, string[]> = {
    commands: draft.script.replace(/\r\n/g, "\n").replace(/\n+$/, "").split("\n"),
    executionTimeout: [draft.executionTimeout.trim()],
  };
  if (draft.workingDirectory.trim()) parameters["workingDirectory"] = [draft.workingDirectory.trim()];
  return { DocumentName: documentName(draft), Parameters: parameters };
}

function documentOf(draft: Draft, specs: readonly ParameterSpec[]): What {
  return { DocumentName: draft.documentName, DocumentVersion: draft.documentVersion, Parameters: givenOf(specs, draft.values) };
}

function noticeOf(draft: Draft): Pick<SendCommandRequest, "NotificationConfig"> {
  if (!draft.notify) return {};
  const arn = `arn:aws:sns:local:000000000000:${draft.notify}`;
  return {
    NotificationConfig: { NotificationArn: arn, NotificationEvents: ["Success", "TimedOut", "Cancelled", "Failed"], NotificationType: "Command" },
  };
}

function placeOf(draft: Draft): Pick<SendCommandRequest, "OutputS3BucketName" | "OutputS3KeyPrefix"> {
  const [bucket = "", ...prefix] = draft.outputPlace.trim().split("/");
  if (bucket === "") return {};
  return { OutputS3BucketName: bucket, ...(prefix.length > 0 ? { OutputS3KeyPrefix: prefix.join("/") } : {}) };
}

function logOf({ isLogged, logGroup }: Draft): Pick<SendCommandRequest, "CloudWatchOutputConfig"> {
  if (!isLogged) return {};
  const name = logGroup.trim();
  return { CloudWatchOutputConfig: { CloudWatchOutputEnabled: true, ...(name ? { CloudWatchLogGroupName: name } : {}) } };
}

/** Empty, or a bucket's name of the length that the hub takes, perhaps with a prefix. */
export function isPlace(text: string): boolean {
  return text.trim() === "" || /^[A-Za-z0-9._-]{3,63}(\/.{0,500})?$/.test(text.trim());
}

type Settings = NonNullable<SendCommandRequest["RunSettings"]>;

export function settingsOf(draft: Draft): { RunSettings?: Settings } {
  const environment = variables(draft.environment) ?? {};
  const settings: Settings = {
    ...(draft.user.trim() ? { User: draft.user.trim() } : {}),
    ...(Object.keys(environment).length > 0 ? { Environment: environment } : {}),
    ...(draft.nice.trim() ? { Nice: Number(draft.nice) } : {}),
    ...(draft.memory.trim() ? { MemoryMiB: Number(draft.memory) } : {}),
    ...(draft.cpu.trim() ? { CpuPercent: Number(draft.cpu) } : {}),
  };
  return Object.keys(settings).length > 0 ? { RunSettings: settings } : {};
}

/** `undefined` when a line is no `NAME=value`. */
export function variables(text: string): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const [, name, value] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    found[name] = value;
  }
  return found;
}

function targetsOf(draft: Draft): Pick<SendCommandRequest, "InstanceIds" | "Targets"> {
  if (draft.kind === "nodes") return { InstanceIds: draft.nodes.map(({ id }) => id) };
  if (draft.kind === "tags") return { Targets: tagTargets(draft.tags) };
  return { Targets: [{ Key: "roadstead:filter", Values: [filterToText(draft.filter)] }] };
}

export function inRange(text: string, { min, max }: { min: number; max: number }): boolean {
  const value = Number(text);
  return /^\d+$/.test(text.trim()) && value >= min && value <= max;
}

/** A number, or a percentage up to 100, at least `least`; as the hub reads it. */
export function isRate(text: string, least: 0 | 1): boolean {
  const [, digits, percent] = /^(0|[1-9]\d*)(%?)$/.exec(text.trim()) ?? [];
  return digits !== undefined && text.trim().length <= 7 && Number(digits) >= least && (percent === "" || Number(digits) <= 100);
}

export function isPaceReady(draft: Draft): boolean {
  return isRate(draft.concurrency, 1) && isRate(draft.maxErrors, 0) && (draft.canary.trim() === "" || isRate(draft.canary, 1));
}

export function areSettingsReady(draft: Draft): boolean {
  return (
    variables(draft.environment) !== undefined &&
    isEmptyOrInRange(draft.nice, NICE_RANGE) &&
    isEmptyOrInRange(draft.memory, MEMORY_RANGE) &&
    isEmptyOrInRange(draft.cpu, CPU_RANGE)
  );
}

export function isEmptyOrInRange(text: string, range: { min: number; max: number }): boolean {
  return text.trim() === "" || inRange(text, range);
}

/** `specs` are the parameters of the chosen document, as soon as they are known. */
export function isWhatReady(draft: Draft, specs: readonly ParameterSpec[] | undefined): boolean {
  if (!inRange(draft.deliveryTimeout, DELIVERY_RANGE) || !areSettingsReady(draft) || !isPlace(draft.outputPlace)) return false;
  if (draft.isLogged && !isLogGroup(draft.logGroup)) return false;
  if (draft.what === "script") return draft.script.trim() !== "" && inRange(draft.executionTimeout, EXECUTION_RANGE);
  if (draft.documentName === "" || specs === undefined) return false;
  return specs.every((spec) => problemOf(spec, shownValue(spec, draft.values)) === undefined);
}
