import { describe, expect, it } from "vitest";
import { draftOf, putRequest } from "./draft";

describe("a channel's form", () => {
  it("keeps the secret there is when none is typed", () => {
    const request = putRequest({ ...draftOf(undefined), name: " ops ", url: "https://x.example/a" });
    expect(request).toEqual({ Name: "ops", Settings: { Webhook: { Url: "https://x.example/a" }, AllowedNetworks: [] } });
    expect(putRequest({ ...draftOf(undefined), secret: "s" }).Secret).toBe("s");
  });

  it("comes back from the hub as it was sent", () => {
    const mail = { ...draftOf(undefined), name: "m", kind: "mail" as const, host: "h", from: "a@x", to: "b@x, c@x", user: "u", networks: "10.0.0.0/8" };
    const { Settings } = putRequest(mail);
    const { Name } = putRequest(mail);
    const shown = { Name, Settings: { AllowedNetworks: [], ...Settings }, HasSecret: true, ChangedBy: "x", ChangedAt: 0 } as Parameters<typeof draftOf>[0];
    expect(draftOf(shown)).toEqual(mail);
  });
});
