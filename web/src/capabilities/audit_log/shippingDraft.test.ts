import { expect, it } from "vitest";
import { draftOf, settingsOf } from "./shippingDraft";

it("gives back what it was made of", () => {
  const settings = {
    AllowedNetworks: ["10.0.0.0/8", "fd00::/8"],
    File: { Name: "log.jsonl", Ship: "rows" as const },
    Syslog: { Protocol: "udp" as const, Host: "log.example", Port: 514, Ship: "heads" as const },
    Webhook: { Url: "https://hooks.example/", Ship: "rows" as const, CaPem: "-----BEGIN CERTIFICATE-----" },
  };
  expect(settingsOf(draftOf(settings))).toEqual(settings);
});

it("leaves out what is switched off", () => {
  const draft = draftOf({});
  expect(settingsOf(draft)).toEqual({ AllowedNetworks: [] });
  expect(settingsOf({ ...draft, networks: " 10.0.0.0/8,\n 192.168.0.0/16 " })).toEqual({ AllowedNetworks: ["10.0.0.0/8", "192.168.0.0/16"] });
});
