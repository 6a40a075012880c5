import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import type { User } from "@/platform/types";
import { createUser, resetPassword, updateUser } from "./api";
import { RolesField } from "./RolesField";
import { ScopeFields } from "./ScopeFields";
import { scopeForm, scopeOf } from "./scopes";
import { useRightsTexts } from "./texts";

interface Props {
  /** Whom to change; nobody: a new one. */
  user?: User;
  onClose: () => void;
  onSaved: () => void;
}

export function UserDialog({ user, onClose, onSaved }: Props) {
  const t = useRightsTexts();
  const notify = useNotify();
  const [name, setName] = useState(user?.UserName ?? "");
  const [description, setDescription] = useState(user?.Description ?? "");
  const [roles, setRoles] = useState<readonly string[]>(user?.Roles ?? ["viewer"]);
  const [password, setPassword] = useState("");
  const [isActive, setActive] = useState(user?.Status !== "Disabled");
  const [scope, setScope] = useState(scopeForm(user?.Scope ?? {}));
  const [isTried, setTried] = useState(false);
  const isNameMissing = name.trim() === "";

  const save = async () => {
    setTried(true);
    if (isNameMissing) return false;
    const common = {
      UserName: name.trim(),
      Description: description.trim(),
      Roles: [...roles],
      Scope: scopeOf(scope),
    };
    if (user) {
      await updateUser({ ...common, Status: isActive ? "Active" : "Disabled" });
      if (password) await resetPassword(user.UserName, password);
    } else {
      await createUser({ ...common, ...(password ? { Password: password } : {}) });
    }
    notify({ type: "success", content: t(user ? "userSaved" : "userCreated", { name: name.trim() }) });
    onSaved();
    return true;
  };

  return (
    <FormDialog title={user ? t("userEdit", { name: user.UserName }) : t("userCreate")} action={user ? t("save") : t("userCreate")} onSubmit={save} onClose={onClose}>
      <SpaceBetween size="l">
        {!user && (
          <FormField label={t("userName")} errorText={isTried && isNameMissing ? t("userNameNeeded") : undefined}>
            <FocusedInput value={name} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
          </FormField>
        )}
        <RolesField roles={roles} onChange={setRoles} />
        <FormField label={t("password")} constraintText={t(user ? "passwordChangeHelp" : "passwordHelp")}>
          <Input value={password} type="password" autoComplete="new-password" onChange={({ detail }) => setPassword(detail.value)} />
        </FormField>
        <FormField label={t("description")}>
          <Input value={description} autoComplete={false} onChange={({ detail }) => setDescription(detail.value)} />
        </FormField>
        {user && (
          <Toggle checked={isActive} description={t("userActiveHelp")} onChange={({ detail }) => setActive(detail.checked)}>
            {t("userActive")}
          </Toggle>
        )}
        <ExpandableSection headerText={t("scope")} headerDescription={t("scopeHelp")} defaultExpanded={scope.tags + scope.groups + scope.actions !== ""}>
          <ScopeFields scope={scope} onChange={setScope} />
        </ExpandableSection>
      </SpaceBetween>
    </FormDialog>
  );
}
