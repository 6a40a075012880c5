import { useCaller } from "@/platform/caller";
import { useMay } from "@/components/useMay";
import type { Approval } from "@/platform/types";
import { type Verdict } from "./api";
import { useCommandTexts } from "./texts";

const ACTIONS = { approve: "roadstead:ApproveCommand", reject: "roadstead:RejectCommand" } as const;

/** Why the caller cannot decide so about this command; nothing when they can. */
export function useDecide(approval: Approval | undefined): (verdict: Verdict) => string | undefined {
  const t = useCommandTexts();
  const caller = useCaller();
  const may = useMay({ kind: "command", ...(approval ? { id: approval.CommandId } : {}) }, Object.values(ACTIONS), approval?.Decision === "Open");
  return (verdict) => {
    if (!approval) return t("approvalChoose");
    if (approval.Decision !== "Open") return t("approvalDecided");
    if (verdict === "approve" && approval.RequestedBy === caller?.UserName) return t("approvalOwn");
    return may(ACTIONS[verdict]);
  };
}
