import type { PutStoreRequest, StoreDetails } from "./api";

/** What the form collects, and its translation into a request. Pure. */

export type Addressing = "path" | "host";

export interface Draft {
  name: string;
  endpoint: string;
  region: string;
  keyId: string;
  secret: string;
  addressing: Addressing;
  places: string;
  readable: string;
  networks: string;
  ca: string;
}

const EMPTY: Draft = { name: "", endpoint: "", region: "us-east-1", keyId: "", secret: "", addressing: "path", places: "", readable: "", networks: "", ca: "" };

export function draftOf(store: StoreDetails | undefined): Draft {
  if (!store) return EMPTY;
  const { Endpoint, Region, AccessKeyId, Addressing, OutputPlaces, DownloadPlaces, AllowedNetworks, CaPem } = store.Settings;
  return {
    ...EMPTY,
    name: store.Name,
    endpoint: Endpoint,
    region: Region ?? EMPTY.region,
    keyId: AccessKeyId,
    addressing: Addressing ?? "path",
    places: (OutputPlaces ?? []).join(", "),
    readable: (DownloadPlaces ?? []).join(", "),
    networks: (AllowedNetworks ?? []).join(", "),
    ca: CaPem ?? "",
  };
}

function listOf(text: string): string[] {
  return text.split(",").map((one) => one.trim()).filter(Boolean);
}

export function putRequest(draft: Draft): PutStoreRequest {
  return {
    Name: draft.name.trim(),
    Settings: {
      Endpoint: draft.endpoint.trim(),
      Region: draft.region.trim(),
      AccessKeyId: draft.keyId.trim(),
      Addressing: draft.addressing,
      OutputPlaces: listOf(draft.places),
      DownloadPlaces: listOf(draft.readable),
      AllowedNetworks: listOf(draft.networks),
      ...(draft.ca.trim() ? { CaPem: draft.ca } : {}),
    },
    ...(draft.secret ? { SecretAccessKey: draft.secret } : {}),
  };
}
