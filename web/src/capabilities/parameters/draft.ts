import type { Parameter, PutRequest } from "./api";
import type { en } from "./en";

/** What the form holds. */
export interface Draft {
  name: string;
  type: "String" | "StringList" | "SecureString";
  tier: "Standard" | "Advanced" | "Intelligent-Tiering";
  value: string;
  description: string;
  keyId: string;
  pattern: string;
  policies: string;
}

export const EMPTY_DRAFT: Draft = {
  name: "",
  type: "String",
  tier: "Standard",
  value: "",
  description: "",
  keyId: "alias/aws/ssm",
  pattern: "",
  policies: "",
};

/** The form for the next version of a parameter; its value is asked for anew. */
export function draftOf(parameter: Parameter): Draft {
  return {
    name: parameter.Name,
    type: parameter.Type,
    tier: parameter.Tier,
    value: "",
    description: parameter.Description ?? "",
    keyId: parameter.KeyId ?? EMPTY_DRAFT.keyId,
    pattern: parameter.AllowedPattern ?? "",
    policies: parameter.Policies.length > 0 ? `[${parameter.Policies.map(({ PolicyText }) => PolicyText).join(",")}]` : "",
  };
}

type Missing = Partial<Record<"name" | "value", keyof typeof en>>;

export function missingOf(draft: Draft): Missing {
  return {
    ...(draft.name.trim() === "" ? { name: "nameRequired" as const } : {}),
    ...(draft.value === "" ? { value: "valueRequired" as const } : {}),
  };
}

/** As the hub takes it. The hub is the judge of everything but emptiness. */
export function requestOf(draft: Draft, isNew: boolean): PutRequest {
  const policies = draft.policies.trim();
  return {
    Name: draft.name.trim(),
    Value: draft.value,
    Overwrite: !isNew,
    Tier: draft.tier,
    Description: draft.description,
    AllowedPattern: draft.pattern,
    ...(isNew ? { Type: draft.type } : {}),
    ...(draft.type === "SecureString" ? { KeyId: draft.keyId } : {}),
    ...(policies === "" && isNew ? {} : { Policies: policies === "" ? "[{}]" : policies }),
  };
}
