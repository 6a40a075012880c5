import FormField from "@cloudscape-design/components/form-field";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import { type ReviewAction, review } from "./api";
import { useDocumentTexts } from "./texts";

interface Props {
  name: string;
  version: string;
  action: ReviewAction;
  onClose: () => void;
}

export function ReviewDialog({ name, version, action, onClose }: Props) {
  const t = useDocumentTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const [comment, setComment] = useState("");
  const save = async () => {
    await review(name, version, action, comment.trim());
    notify({ type: "success", content: t("reviewed", { name, version }) });
    void client.invalidateQueries({ queryKey: ["documents"] });
    return true;
  };
  return (
    <FormDialog title={t("reviewTitle", { name, version })} action={t(action)} onSubmit={save} onClose={onClose}>
      <FormField label={t("comment")} constraintText={t("commentHelp")}>
        <FocusedInput value={comment} autoComplete={false} onChange={({ detail }) => setComment(detail.value)} />
      </FormField>
    </FormDialog>
  );
}
