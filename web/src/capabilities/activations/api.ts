import { call } from "@/platform/api";
import type { CursorPage } from "@/platform/pages";
import type { Activation, Tag } from "@/platform/types";

export interface JoinRequest {
  name: string;
  count: number;
  expiresInSeconds: number;
  tags: Tag[];
}

export function createJoinLine({ name, count, expiresInSeconds, tags }: JoinRequest) {
  return call("Roadstead.CreateJoinLine", {
    Count: count,
    ExpiresInSeconds: expiresInSeconds,
    ...(name ? { Name: name } : {}),
    ...(tags.length > 0 ? { Tags: tags } : {}),
  });
}

export async function listActivations(cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Activation>> {
  const request = { MaxResults: size, ...(cursor ? { NextToken: cursor } : {}) };
  const result = await call("AmazonSSM.DescribeActivations", request, signal);
  return { items: result.ActivationList, next: result.NextToken || undefined };
}

export function deleteActivation(id: string) {
  return call("AmazonSSM.DeleteActivation", { ActivationId: id });
}
