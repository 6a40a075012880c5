import { call } from "@/platform/api";
import type { CursorPage } from "@/platform/pages";
import type { Request, Result, Upload } from "@/platform/types";

type Item<List> = List extends readonly (infer One)[] ? One : never;

export type Store = Item<Result<"Roadstead.ListObjectStores">["Stores"]>;
export type StoreDetails = Result<"Roadstead.GetObjectStore">;
export type PutStoreRequest = Request<"Roadstead.PutObjectStore">;
export type TriedPlace = Item<Result<"Roadstead.TestObjectStore">["Places"]>;

export async function listStores(signal?: AbortSignal): Promise<CursorPage<Store>> {
  const { Stores } = await call("Roadstead.ListObjectStores", {}, signal);
  return { items: Stores, next: undefined };
}

export function getStore(name: string): Promise<StoreDetails> {
  return call("Roadstead.GetObjectStore", { Name: name });
}

export function putStore(request: PutStoreRequest) {
  return call("Roadstead.PutObjectStore", request);
}

export function deleteStore(name: string) {
  return call("Roadstead.DeleteObjectStore", { Name: name });
}

export async function testStore(name: string): Promise<TriedPlace[]> {
  return (await call("Roadstead.TestObjectStore", { Name: name })).Places;
}

export async function listUploads(cursor: string | undefined, size: number, signal: AbortSignal): Promise<CursorPage<Upload>> {
  const request = { MaxResults: size, ...(cursor ? { NextToken: cursor } : {}) };
  const result = await call("Roadstead.ListOutputUploads", request, signal);
  return { items: result.Uploads, next: result.NextToken || undefined };
}
