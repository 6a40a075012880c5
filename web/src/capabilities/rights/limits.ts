import type { TokenKey } from "@/components/tokens";
import type { HeldLimits, LimitHolder, Limits } from "@/platform/types";
import type { en } from "./en";
import type { Translator } from "./texts";

/** What the form holds: each limit as it is typed; empty is no limit. */
export interface LimitsForm {
  holder: LimitHolder;
  name: string;
  maxTargets: string;
  confirmAbove: string;
  approveAbove: string;
}

export const LIMIT_KEYS: readonly TokenKey<keyof typeof en>[] = [
  { key: "holder", text: "holderKind", operators: ["=", "!="], values: ["default", "role", "user"] },
  { key: "holder_name", text: "holderName", operators: ["=", "!=", ":", "!:", "^"] },
];

export function limitsForm(held: HeldLimits | undefined): LimitsForm {
  return {
    holder: holderOf(held?.Holder ?? "default"),
    name: held?.HolderName ?? "",
    maxTargets: typed(held?.Limits.MaxTargets),
    confirmAbove: typed(held?.Limits.ConfirmAbove),
    approveAbove: typed(held?.Limits.ApproveAbove),
  };
}

function typed(limit: number | undefined): string {
  return limit === undefined ? "" : String(limit);
}

function holderOf(word: string): LimitHolder {
  return word === "role" || word === "user" ? word : "default";
}

/** As the hub counts. */
const MOST = 4_294_967_295;

export function isLimit(text: string): boolean {
  return /^\d*$/.test(text.trim()) && Number(text) <= MOST;
}

/** What is set; what is empty is left out. */
export function limitsOf({ maxTargets, confirmAbove, approveAbove }: LimitsForm): Limits {
  const all = { MaxTargets: read(maxTargets), ConfirmAbove: read(confirmAbove), ApproveAbove: read(approveAbove) };
  return Object.fromEntries(Object.entries(all).filter(([, limit]) => limit !== undefined));
}

function read(text: string): number | undefined {
  return text.trim() === "" ? undefined : Number(text);
}

/** For whom limits are set, in words. */
export function holderText({ Holder, HolderName }: Pick<HeldLimits, "Holder" | "HolderName">, t: Translator): string {
  if (Holder === "role") return t("limitsOfRole", { name: HolderName });
  if (Holder === "user") return t("limitsOfUser", { name: HolderName });
  return t("limitsDefault");
}
