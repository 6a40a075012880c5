import type { Command } from "@/platform/types";

export const IDS_SHOWN = 3;

/** The nodes were named one by one. */
export function hasOnlyIds({ InstanceIds: ids = [], Targets: targets = [] }: Command): boolean {
  return targets.length === 0 && ids.length > 0;
}

/** To whom a command went, as it was asked for. */
export function targetsText({ InstanceIds: ids = [], Targets: targets = [] }: Command): string {
  if (targets.length > 0) {
    return targets.map(({ Key, Values = [] }) => (Key === "roadstead:filter" ? Values.join(" ") : `${Key} = ${Values.join(" | ")}`)).join(" · ");
  }
  const more = ids.length > IDS_SHOWN ? ` +${ids.length - IDS_SHOWN}` : "";
  return ids.slice(0, IDS_SHOWN).join(", ") + more || "–";
}
