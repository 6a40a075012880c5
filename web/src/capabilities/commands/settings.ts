import type { WholeCommand } from "@/platform/types";
import type { Translator } from "./texts";

export type RunSettings = NonNullable<WholeCommand["RunSettings"]>;

/** What was set of a command's processes, one pair of words each. */
export function settingItems(settings: RunSettings | undefined, t: Translator) {
  const { User, Directory, Environment = {}, Nice, MemoryMiB, CpuPercent } = settings ?? {};
  const variables = Object.entries(Environment).map(([name, value]) => `${name}=${value}`);
  const items = [
    { label: t("runAs"), value: User ?? "" },
    { label: t("workingDirectory"), value: Directory ?? "" },
    { label: t("memory"), value: MemoryMiB === undefined ? "" : `${MemoryMiB} MiB` },
    { label: t("cpu"), value: CpuPercent === undefined ? "" : `${CpuPercent} %` },
    { label: t("nice"), value: Nice === undefined ? "" : String(Nice) },
    { label: t("environment"), value: variables.join(", ") },
  ];
  return items.filter(({ value }) => value !== "");
}
