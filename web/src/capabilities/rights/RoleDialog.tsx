import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import type { Role } from "@/platform/types";
import { createRole, updateRole } from "./api";
import { PoliciesField } from "./PoliciesField";
import { useRightsTexts } from "./texts";

interface Props {
  role?: Role;
  onClose: () => void;
  onSaved: () => void;
}

/** A role of one's own: a name for some policies. */
export function RoleDialog({ role, onClose, onSaved }: Props) {
  const t = useRightsTexts();
  const notify = useNotify();
  const [name, setName] = useState(role?.RoleName ?? "");
  const [description, setDescription] = useState(role?.Description ?? "");
  const [policies, setPolicies] = useState<readonly string[]>(role?.Policies ?? []);
  const [isTried, setTried] = useState(false);

  const save = async () => {
    setTried(true);
    if (name.trim() === "") return false;
    await (role ? updateRole : createRole)({ RoleName: name.trim(), Description: description.trim(), Policies: [...policies] });
    notify({ type: "success", content: t("roleSaved", { name: name.trim() }) });
    onSaved();
    return true;
  };

  return (
    <FormDialog title={role ? t("roleEdit", { name: role.RoleName }) : t("roleCreate")} action={role ? t("save") : t("roleCreate")} onSubmit={save} onClose={onClose}>
      <SpaceBetween size="l">
        {!role && (
          <FormField label={t("roleName")} errorText={isTried && name.trim() === "" ? t("nameNeeded") : undefined}>
            <FocusedInput value={name} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
          </FormField>
        )}
        <PoliciesField policies={policies} onChange={setPolicies} />
        <FormField label={t("description")}>
          <Input value={description} autoComplete={false} onChange={({ detail }) => setDescription(detail.value)} />
        </FormField>
      </SpaceBetween>
    </FormDialog>
  );
}
