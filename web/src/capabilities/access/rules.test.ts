import { expect, it } from "vitest";
import { isTotpCode, keyRequest, refusalCode, safeNext, tokenFromFragment } from "./rules";

it.each<[string | null, string]>([
  [null, "/"],
  ["/nodes?filter=a", "/nodes?filter=a"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["https://evil.example", "/"],
  ["/login", "/"],
])("after login %s leads to %s", (next, path) => {
  expect(safeNext(next)).toBe(path);
});

it("shows a provider's word for a refusal and no other text", () => {
  expect(refusalCode(new URLSearchParams("code=a"))).toBeUndefined();
  expect(refusalCode(new URLSearchParams("error=access_denied&error_description=Call 0900"))).toBe("access_denied");
  expect(refusalCode(new URLSearchParams("error=Call 0900"))).toBe("error");
});

it("finds the token in the fragment", () => {
  expect(tokenFromFragment("#token=abc-_9")).toBe("abc-_9");
  expect(tokenFromFragment("")).toBeUndefined();
});

it("tells a code of the generator from a recovery code", () => {
  expect(["123456", "123 456", " 123456 "].map(isTotpCode)).toEqual([true, true, true]);
  expect(["12345", "abcd-efgh-jkmn-pqrs", "1234567", ""].map(isTotpCode)).toEqual([false, false, false, false]);
});

it("asks for a key's end and limits only where they are given", () => {
  expect(keyRequest(" laptop ", undefined, "", 0)).toEqual({ Description: "laptop" });
  expect(keyRequest("", 30, "ssm:Get*\nssm:List*, ssm:Describe*", 1000)).toEqual({
    ExpiresAt: 2_592_001,
    Scope: ["ssm:Get*", "ssm:List*", "ssm:Describe*"],
  });
});
