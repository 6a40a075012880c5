import { expect, it } from "vitest";
import { scopeForm, scopeOf, scopeText } from "./scopes";

const SCOPE = { Tags: [{ Key: "env", Values: ["test", "dev"] }, { Key: "team" }], Groups: ["blue"], Actions: ["ssm:Get*"] };

it("comes back whole from its form", () => {
  expect(scopeOf(scopeForm(SCOPE))).toEqual(SCOPE);
  expect(scopeOf(scopeForm({}))).toEqual({});
});

it("reads in one line", () => {
  expect(scopeText(SCOPE)).toBe("env=test|dev, team · blue · ssm:Get*");
  expect(scopeText({})).toBe("");
});
