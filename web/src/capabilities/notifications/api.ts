import { call } from "@/platform/api";
import { isEmpty } from "@/platform/filter";
import type { CursorPage } from "@/platform/pages";
import type { Filter, Request, Result } from "@/platform/types";

type Item<List> = List extends readonly (infer One)[] ? One : never;

export type Channel = Item<Result<"Roadstead.ListNotificationChannels">["Channels"]>;
export type ChannelDetails = Result<"Roadstead.GetNotificationChannel">;
export type PutChannelRequest = Request<"Roadstead.PutNotificationChannel">;
export type Notification = Item<Result<"Roadstead.GetNotificationLog">["Notifications"]>;

export async function listChannels(filter: Filter, signal?: AbortSignal): Promise<CursorPage<Channel>> {
  const { Channels } = await call("Roadstead.ListNotificationChannels", isEmpty(filter) ? {} : { Filter: filter }, signal);
  return { items: Channels, next: undefined };
}

export async function listNotifications(filter: Filter, cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Notification>> {
  const request = { MaxResults: size, ...(isEmpty(filter) ? {} : { Filter: filter }), ...(cursor ? { NextToken: cursor } : {}) };
  const result = await call("Roadstead.GetNotificationLog", request, signal);
  return { items: result.Notifications, next: result.NextToken || undefined };
}

export function getChannel(name: string): Promise<ChannelDetails> {
  return call("Roadstead.GetNotificationChannel", { Name: name });
}

export function putChannel(request: PutChannelRequest) {
  return call("Roadstead.PutNotificationChannel", request);
}

export function deleteChannel(name: string) {
  return call("Roadstead.DeleteNotificationChannel", { Name: name });
}

export async function testChannel(name: string): Promise<Notification> {
  return (await call("Roadstead.TestNotificationChannel", { Name: name })).Notification;
}

export function retryNotification(id: number) {
  return call("Roadstead.RetryNotification", { Id: id });
}
