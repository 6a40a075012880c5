import { expect, it } from "vitest";
import { isLimit, limitsForm, limitsOf } from "./limits";

it("reads what is set and gives it back", () => {
  const form = limitsForm({ Holder: "role", HolderName: "operator", Limits: { MaxTargets: 50, ApproveAbove: 0 } });
  expect(form).toEqual({ holder: "role", name: "operator", maxTargets: "50", confirmAbove: "", approveAbove: "0" });
  expect(limitsOf(form)).toEqual({ MaxTargets: 50, ApproveAbove: 0 });
});

it("begins with everybody and without a limit", () => {
  expect(limitsForm(undefined).holder).toBe("default");
  expect(limitsOf(limitsForm(undefined))).toEqual({});
});

it.each<[string, boolean]>([["", true], ["0", true], [" 20 ", true], ["-1", false], ["1.5", false], ["many", false], ["5000000000", false]])("“%s” as a limit: %s", (text, fits) => {
  expect(isLimit(text)).toBe(fits);
});
