import { expect, it } from "vitest";
import { byKey } from "./api";

const rule = (Key: string, ResourceType: string) => ({ Key, ResourceType, IsRequired: true, AllowedValues: ["prod"] });

it("shows what is said of a key once, with all its types", () => {
  expect(byKey([rule("env", "Document"), rule("env", "Parameter"), rule("team", "Parameter")])).toEqual([
    { key: "env", types: ["Document", "Parameter"], isRequired: true, values: ["prod"] },
    { key: "team", types: ["Parameter"], isRequired: true, values: ["prod"] },
  ]);
});
