import type { WholeCommand, OfflineChoice } from "@/platform/types";
import type { Translator } from "./texts";

export const OFFLINE_LABEL = { Wait: "offlineWait", Skip: "offlineSkip", Fail: "offlineFail" } as const satisfies Record<OfflineChoice, string>;

/** How a command was paced, in one line. */
export function paceText(command: WholeCommand, t: Translator): string {
  const words = [t("paceText", { rate: command.MaxConcurrency, errors: command.MaxErrors })];
  if (command.Canary) words.push(t("paceCanary", { canary: command.Canary }));
  if (command.OfflineNodes !== "Wait") words.push(`${t("offlineNodes")}: ${t(OFFLINE_LABEL[command.OfflineNodes])}`);
  return words.join(" · ");
}
