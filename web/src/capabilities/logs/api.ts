import { queryOptions } from "@tanstack/react-query";
import { call } from "@/platform/api";
import { ApiError } from "@/platform/errors";
import type { CursorPage } from "@/platform/pages";
import type { Filter, LogGroup, LogStream, Sort } from "@/platform/types";
import { askedOf } from "./groupTokens";
import type { StreamAnswer } from "./lines";
import type { Times } from "./range";

/** What is looked for in a group. */
export interface Search {
  group: string;
  pattern: string;
  /** The beginning of the streams' names. */
  prefix: string;
}

export async function listGroups(filter: Filter, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<LogGroup>> {
  const request = { limit: size, ...askedOf(filter), ...(cursor ? { nextToken: cursor } : {}) };
  const { logGroups, nextToken } = await call("Logs_20140328.DescribeLogGroups", request, signal);
  return { items: logGroups, ...(nextToken ? { next: nextToken } : {}) };
}

/** `null` when there is none that the caller may see. */
export function groupQuery(name: string) {
  return queryOptions({
    queryKey: ["logs", "group", name],
    queryFn: async ({ signal }) => (await call("Logs_20140328.DescribeLogGroups", { logGroupIdentifiers: [name] }, signal)).logGroups[0] ?? null,
    enabled: name !== "",
  });
}

/** When the latest lines of a group came, in epoch milliseconds; nothing where there are none. */
export async function latestAt(group: string, signal?: AbortSignal): Promise<number | undefined> {
  const request = { logGroupName: group, orderBy: "LastEventTime", descending: true, limit: 1 };
  const { logStreams } = await call("Logs_20140328.DescribeLogStreams", request, signal);
  return logStreams[0]?.lastEventTimestamp;
}

export function latestQuery(group: string) {
  return queryOptions({
    queryKey: ["logs", "latest", group],
    queryFn: async ({ signal }) => (await latestAt(group, signal).catch(noneVisible)) ?? null,
  });
}

/** The group is there, but none of its streams is one that the caller may read. */
export function isNoneVisible(error: unknown): boolean {
  return error instanceof ApiError && error.code === "ResourceNotFoundException";
}

function noneVisible(error: unknown): undefined {
  if (!isNoneVisible(error)) throw error;
  return undefined;
}

export interface StreamsView {
  prefix: string;
  sort: Sort;
}

export const BY_NAME = "LogStreamName";
export const BY_TIME = "LastEventTime";

/** The operation orders by time only where no names are looked for. */
export function orderOf({ prefix, sort }: StreamsView): Sort {
  return prefix === "" || sort.Key === BY_NAME ? sort : { Key: BY_NAME, Descending: false };
}

export async function listStreams(group: string, view: StreamsView, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<LogStream>> {
  const { Key, Descending } = orderOf(view);
  const request = {
    logGroupName: group,
    limit: size,
    orderBy: Key,
    descending: Descending,
    ...(view.prefix ? { logStreamNamePrefix: view.prefix } : {}),
    ...(cursor ? { nextToken: cursor } : {}),
  };
  const { logStreams, nextToken } = await call("Logs_20140328.DescribeLogStreams", request, signal);
  return { items: logStreams, ...(nextToken ? { next: nextToken } : {}) };
}

/** `null` when there is none of that name. */
export function streamQuery(group: string, name: string) {
  return queryOptions({
    queryKey: ["logs", "stream", group, name],
    queryFn: async ({ signal }) => {
      const request = { logGroupName: group, logStreamNamePrefix: name };
      const { logStreams } = await call("Logs_20140328.DescribeLogStreams", request, signal);
      return logStreams.find(({ logStreamName }) => logStreamName === name) ?? null;
    },
    enabled: group !== "" && name !== "",
  });
}

export function filterEvents({ group, pattern, prefix }: Search, times: Times, token: string | undefined, limit: number | undefined, signal: AbortSignal) {
  const request = {
    logGroupName: group,
    ...times,
    ...(pattern ? { filterPattern: pattern } : {}),
    ...(prefix ? { logStreamNamePrefix: prefix } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(token ? { nextToken: token } : {}),
  };
  return call("Logs_20140328.FilterLogEvents", request, signal);
}

/** Without a token from one of its ends. */
export function streamEvents(group: string, name: string, fromHead: boolean, token: string | undefined, limit: number, signal: AbortSignal): Promise<StreamAnswer> {
  const request = { logGroupName: group, logStreamName: name, startFromHead: fromHead, limit, ...(token ? { nextToken: token } : {}) };
  return call("Logs_20140328.GetLogEvents", request, signal);
}
