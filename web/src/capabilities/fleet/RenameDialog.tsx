import FormField from "@cloudscape-design/components/form-field";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import type { NodeSummary } from "@/platform/types";
import { renameNode } from "./api";
import { useFleetTexts } from "./texts";

interface Props {
  node: NodeSummary;
  onClose: () => void;
  onRenamed: () => void;
}

export function RenameDialog({ node, onClose, onRenamed }: Props) {
  const t = useFleetTexts();
  const notify = useNotify();
  const [name, setName] = useState(node.Name);
  const isUseful = name.trim() !== "" && name.trim() !== node.Name;

  const rename = async () => {
    await renameNode(node.NodeId, name.trim());
    notify({ type: "success", content: t("renamed", { name: name.trim() }) });
    onRenamed();
    return true;
  };

  return (
    <FormDialog title={t("renameTitle", { name: node.Name })} action={t("save")} disabled={!isUseful} onSubmit={rename} onClose={onClose}>
      <FormField label={t("name")} constraintText={t("renameHelp")}>
        <FocusedInput value={name} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
    </FormDialog>
  );
}
