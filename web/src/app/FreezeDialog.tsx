import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import { useMay } from "@/components/useMay";
import { endFreeze, freeze, freezeQuery } from "@/platform/freeze";
import { useAppTexts } from "./texts";

const ACTION = "roadstead:SetFreeze";

/** The one question before everything stops, or goes on. */
export default function FreezeDialog({ onClose }: { onClose: () => void }) {
  const t = useAppTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const { data } = useQuery(freezeQuery);
  const refusal = useMay({ kind: "freeze" }, [ACTION])(ACTION);
  const [reason, setReason] = useState("");
  // As it was when the dialog opened: it does not turn into its opposite under somebody's finger.
  const [isFrozen] = useState(data?.Frozen === true);

  const turn = async () => {
    client.setQueryData(freezeQuery.queryKey, await (isFrozen ? endFreeze() : freeze(reason.trim())));
    notify({ type: "success", content: t(isFrozen ? "freezeEnded" : "freezeDone") });
    return true;
  };
  return (
    <FormDialog
      title={t(isFrozen ? "freezeEndTitle" : "freezeTitle")}
      action={t(isFrozen ? "freezeEnd" : "freeze")}
      disabled={refusal !== undefined}
      disabledReason={refusal}
      onSubmit={turn}
      onClose={onClose}
    >
      <Box variant="p">{t(isFrozen ? "freezeEndText" : "freezeText")}</Box>
      {!isFrozen && (
        <FormField label={t("freezeReason")} constraintText={t("freezeReasonHelp")}>
          <FocusedInput value={reason} autoComplete={false} onChange={({ detail }) => setReason(detail.value)} />
        </FormField>
      )}
    </FormDialog>
  );
}
