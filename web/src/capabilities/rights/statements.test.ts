import { describe, expect, it } from "vitest";
import type { PolicyDocument } from "@/platform/types";
import { documentFromText, documentOf, documentText, entries, formOf, tagSelectors } from "./statements";

const DOCUMENT: PolicyDocument = {
  Statements: [
    {
      Sid: "RunInTest",
      Effect: "Allow",
      Actions: ["ssm:SendCommand", "ssm:Get*"],
      Resources: [
        { Kind: "node", Tags: [{ Key: "env", Values: ["test", "dev*"] }, { Key: "team" }], Groups: ["blue"] },
        { Kind: "document", Ids: ["AWS-*"] },
        { Kind: "command", Own: true },
      ],
      Conditions: [{ Key: "tag:owner", Operator: "Like", Values: ["${user}"] }],
    },
    { Effect: "Deny", NotActions: ["ssm:Delete*"], Resources: [{ Kind: "*" }] },
  ],
};

describe("a policy", () => {
  it("comes back whole from its form", () => {
    expect(documentOf(formOf(DOCUMENT))).toEqual(DOCUMENT);
  });

  it("comes back whole from its text", () => {
    expect(documentFromText(documentText(DOCUMENT))).toEqual({ document: DOCUMENT });
  });

  it.each(["", "{", "[]", '{"Statements": {}}', '{"Statements": [{"Effect": "Allow"}]}'])("is not read from %j", (text) => {
    expect(documentFromText(text)).toHaveProperty("problem");
  });
});

it("takes entries from lines and commas", () => {
  expect(entries(" ssm:Get*, ssm:List*\n\n ssm:SendCommand ")).toEqual(["ssm:Get*", "ssm:List*", "ssm:SendCommand"]);
});

it("tells a tag that must be there from a tag with an empty value", () => {
  expect(tagSelectors("team\nenv=\nrole=a|b")).toEqual([{ Key: "team" }, { Key: "env", Values: [""] }, { Key: "role", Values: ["a", "b"] }]);
});
