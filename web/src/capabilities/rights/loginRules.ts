import type { LoginRule } from "@/platform/types";
import type { Translator } from "./texts";

/** As the hub writes every role. */
export const EVERY_ROLE = "*";

export type Demand = Exclude<keyof LoginRule, "Role">;

/** What a rule may demand, in the words of the page. */
export const DEMANDS = [
  { key: "RequireSecondFactor", text: "demandFactor", help: "demandFactorHelp" },
  { key: "RequireRecoveryCodes", text: "demandCodes", help: "demandCodesHelp" },
  { key: "StepUpForShell", text: "demandShell", help: "demandShellHelp" },
  { key: "StepUpForRoot", text: "demandRoot", help: "demandRootHelp" },
] as const satisfies readonly { key: Demand; text: string; help: string }[];

/** The rule that lays nothing down: the hub keeps it, and it counts for none. */
export function noDemands(role: string): LoginRule {
  return { Role: role, RequireSecondFactor: false, RequireRecoveryCodes: false, StepUpForShell: false, StepUpForRoot: false };
}

export function isDemanding(rule: LoginRule): boolean {
  return DEMANDS.some(({ key }) => rule[key]);
}

/** For whom a rule is, in words. */
export function ruleHolder(role: string, t: Translator): string {
  return role === EVERY_ROLE ? t("everyRole") : role;
}
