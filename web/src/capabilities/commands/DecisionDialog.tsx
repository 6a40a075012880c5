import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import type { Approval } from "@/platform/types";
import { type Verdict, commandQuery, decide } from "./api";
import { useCommandTexts } from "./texts";

interface Props {
  approval: Approval;
  verdict: Verdict;
  onClose: () => void;
}

/** Approves or rejects, with a reason that stays with the command. */
export function DecisionDialog({ approval, verdict, onClose }: Props) {
  const t = useCommandTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const isApproval = verdict === "approve";

  const submit = async () => {
    await decide(approval.CommandId, verdict, reason.trim());
    notify({ type: "success", content: t(isApproval ? "approved" : "rejected") });
    void client.invalidateQueries({ queryKey: ["approvals"] });
    void client.invalidateQueries({ queryKey: commandQuery(approval.CommandId).queryKey });
    return true;
  };
  return (
    <FormDialog title={t(isApproval ? "approveTitle" : "rejectTitle")} action={t(verdict)} onSubmit={submit} onClose={onClose}>
      <Box variant="p">{t(isApproval ? "approveText" : "rejectText", { by: approval.RequestedBy, document: approval.DocumentName, count: approval.NodeCount })}</Box>
      <FormField label={t("reason")} constraintText={t("reasonHelp")}>
        <FocusedInput value={reason} autoComplete={false} onChange={({ detail }) => setReason(detail.value)} />
      </FormField>
    </FormDialog>
  );
}
