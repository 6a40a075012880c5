import { expect, test } from "vitest";
import { draftOf, settingsOf } from "./oidcDraft";

test("what is shown and saved again is the same", () => {
  const settings = {
    Issuer: "https://id.example",
    ClientId: "roadstead",
    Label: "Harbour ID",
    Scopes: ["openid", "groups"],
    UserClaim: "email",
    GroupsClaim: "realm.roles",
    Roles: [{ Group: "cn=ops,dc=example", Role: "operator" }],
    CreatesUsers: true,
    IsSecondFactor: true,
    AllowedNetworks: ["10.0.0.0/8"],
    CaPem: "-----BEGIN CERTIFICATE-----",
  };
  expect(settingsOf(draftOf(settings))).toEqual(settings);
});

test("an empty form asks for what is usual", () => {
  expect(settingsOf(draftOf(undefined))).toMatchObject({ Scopes: ["openid", "profile", "email"], Roles: [], AllowedNetworks: [], CreatesUsers: false });
});

test("a line that is no pair is left for the hub to name", () => {
  expect(settingsOf({ ...draftOf(undefined), roles: "ops\n\nops=operator" }).Roles).toEqual([
    { Group: "ops", Role: "" },
    { Group: "ops", Role: "operator" },
  ]);
});
