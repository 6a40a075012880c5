import { call } from "@/platform/api";
import type { CursorPage } from "@/platform/pages";
import type { Request, Result } from "@/platform/types";

type Item<List> = List extends readonly (infer One)[] ? One : never;

export type Channel = Item<Result<"Roadstead.ListNotificationChannels">["Channels"]>;
export type ChannelDetails = Result<"Roadstead.GetNotificationChannel">;
export type PutChannelRequest = Request<"Roadstead.PutNotificationChannel">;
export type Notification = Item<Result<"Roadstead.GetNotificationLog">["Notifications"]>;

export async function listChannels(signal?: AbortSignal): Promise<CursorPage<Channel>> {
  const { Channels } = await call("Roadstead.ListNotificationChannels", {}, signal);
  return { items: Channels, next: undefined };
}

export async function listNotifications(cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Notification>> {
  const request = { MaxResults: size, ...(cursor ? { NextToken: cursor } : {}) };
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
