import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import { useState } from "react";
import { useNavigate } from "react-router";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import type { Command } from "@/platform/types";
import { type RerunScope, rerunCommand } from "./api";
import { useCommandTexts } from "./texts";

interface Props {
  command: Command;
  scope: RerunScope;
  /** How many nodes it reached; those that are gone by now count no more, so the hub may want another number. */
  count: number;
  onClose: () => void;
}

/** The number is typed before a command runs again on many nodes. */
export function RerunDialog({ command, scope, count, onClose }: Props) {
  const t = useCommandTexts();
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const isNumber = /^\d+$/.test(typed.trim());

  const submit = async () => {
    if (!isNumber) return false;
    await navigate(`/commands/${await rerunCommand(command.CommandId, scope, Number(typed))}`);
    return true;
  };
  return (
    <FormDialog title={t("rerunTitle", { count })} action={t("rerun")} disabled={!isNumber} disabledReason={t("rerunText")} onSubmit={submit} onClose={onClose}>
      <Box variant="p">{t("rerunText")}</Box>
      <FormField label={t("rerunCount")}>
        <FocusedInput value={typed} inputMode="numeric" autoComplete={false} placeholder={String(count)} onChange={({ detail }) => setTyped(detail.value)} />
      </FormField>
    </FormDialog>
  );
}
