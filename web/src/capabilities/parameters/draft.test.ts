import { expect, test } from "vitest";
import { EMPTY_DRAFT, missingOf, requestOf } from "./draft";

test("a new secret names its key, a text does not", () => {
  const secret = requestOf({ ...EMPTY_DRAFT, name: " /a ", value: "x", type: "SecureString" }, true);
  expect(secret).toMatchObject({ Name: "/a", Type: "SecureString", KeyId: "alias/aws/ssm", Overwrite: false });
  expect(secret).not.toHaveProperty("Policies");
  expect(requestOf({ ...EMPTY_DRAFT, name: "/a", value: "x" }, true)).not.toHaveProperty("KeyId");
});

test("a next version keeps its type and can take all policies away", () => {
  const next = requestOf({ ...EMPTY_DRAFT, name: "/a", value: "x" }, false);
  expect(next).toMatchObject({ Overwrite: true, Policies: "[{}]" });
  expect(next).not.toHaveProperty("Type");
});

test("what is empty is named", () => {
  expect(missingOf(EMPTY_DRAFT)).toEqual({ name: "nameRequired", value: "valueRequired" });
});
