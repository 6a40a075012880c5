import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { createKey } from "./api";
import { useParameterTexts } from "./texts";

export function NewKeyDialog({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const t = useParameterTexts();
  const [alias, setAlias] = useState("alias/");
  const [description, setDescription] = useState("");

  const create = async () => {
    await createKey(alias.trim(), description.trim());
    onCreated();
    return true;
  };

  return (
    <FormDialog title={t("keyCreate")} action={t("keyCreate")} onSubmit={create} onClose={onClose}>
      <FormField label={t("keyAlias")} constraintText={t("keyAliasHelp")}>
        <FocusedInput value={alias} autoComplete={false} onChange={({ detail }) => setAlias(detail.value)} />
      </FormField>
      <FormField label={t("description")}>
        <Input value={description} autoComplete={false} onChange={({ detail }) => setDescription(detail.value)} />
      </FormField>
    </FormDialog>
  );
}
