import type { en } from "./en";

/** The types of resources that can carry tags, as the hub names them. */
export const TYPES: readonly { value: string; text: keyof typeof en }[] = [
  { value: "ManagedInstance", text: "typeNode" },
  { value: "Parameter", text: "typeParameter" },
  { value: "Document", text: "typeDocument" },
  { value: "Group", text: "typeGroup" },
];

export function typeText(type: string): keyof typeof en | undefined {
  return TYPES.find(({ value }) => value === type)?.text;
}
