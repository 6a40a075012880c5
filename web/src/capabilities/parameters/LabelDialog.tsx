import FormField from "@cloudscape-design/components/form-field";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { label } from "./api";
import { useParameterTexts } from "./texts";

interface Props {
  name: string;
  version: number;
  onClose: () => void;
  onSaved: () => void;
}

export function LabelDialog({ name, version, onClose, onSaved }: Props) {
  const t = useParameterTexts();
  const [text, setText] = useState("");
  const [isInvalid, setInvalid] = useState(false);

  const save = async () => {
    const { InvalidLabels } = await label(name, version, text.trim());
    setInvalid(InvalidLabels.length > 0);
    if (InvalidLabels.length > 0) return false;
    onSaved();
    return true;
  };

  return (
    <FormDialog title={t("labelAdd", { version })} action={t("labelSave")} disabled={text.trim() === ""} onSubmit={save} onClose={onClose}>
      <FormField label={t("labelName")} errorText={isInvalid ? t("labelInvalid") : undefined}>
        <FocusedInput
          value={text}
          autoComplete={false}
          onChange={({ detail }) => {
            setText(detail.value);
            setInvalid(false);
          }}
        />
      </FormField>
    </FormDialog>
  );
}
