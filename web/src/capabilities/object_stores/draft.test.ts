import { describe, expect, it } from "vitest";
import { draftOf, putRequest } from "./draft";

describe("a store's form", () => {
  it("keeps the secret there is when none is typed", () => {
    const request = putRequest({ ...draftOf(undefined), name: " minio ", endpoint: "https://x.example ", keyId: "AK", places: "logs, runs-*/a", readable: "tools, " });
    const settings = { Endpoint: "https://x.example", Region: "us-east-1", AccessKeyId: "AK", Addressing: "path", OutputPlaces: ["logs", "runs-*/a"], DownloadPlaces: ["tools"], AllowedNetworks: [] };
    expect(request).toEqual({ Name: "minio", Settings: settings });
    expect(putRequest({ ...draftOf(undefined), secret: "s" }).SecretAccessKey).toBe("s");
  });

  it("comes back from the hub as it was sent", () => {
    const draft = { ...draftOf(undefined), name: "a", endpoint: "https://x", keyId: "k", addressing: "host" as const, places: "b", readable: "c/d", networks: "10.0.0.0/8", ca: "pem" };
    const { Name, Settings } = putRequest(draft);
    const shown = { Name, Settings, ChangedBy: "x", ChangedAt: 0 } as Parameters<typeof draftOf>[0];
    expect(draftOf(shown)).toEqual(draft);
  });
});
