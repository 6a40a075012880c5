import type { Activation } from "@/platform/types";

export type ActivationState = "open" | "used" | "expired";

export function activationState({ Expired, RegistrationsCount, RegistrationLimit }: Activation): ActivationState {
  if (RegistrationsCount >= RegistrationLimit) return "used";
  return Expired ? "expired" : "open";
}
