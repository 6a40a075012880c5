import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useQuery } from "@tanstack/react-query";
import { useCommonTexts } from "@/components/texts";
import { rolesQuery } from "./api";
import { roleDescription } from "./builtInRoles";
import { useRightsTexts } from "./texts";

interface Props {
  roles: readonly string[];
  onChange: (roles: string[]) => void;
}

export function RolesField({ roles, onChange }: Props) {
  const t = useRightsTexts();
  const common = useCommonTexts();
  const query = useQuery(rolesQuery);
  const options = (query.data ?? []).map((role) => ({ value: role.RoleName, label: role.RoleName, description: roleDescription(role, t) }));
  return (
    <FormField label={t("roles")} description={t("rolesFieldHelp")} stretch>
      <Multiselect
        selectedOptions={roles.map((role) => options.find(({ value }) => value === role) ?? { value: role, label: role })}
        options={options}
        statusType={query.isPending ? "loading" : query.error ? "error" : "finished"}
        loadingText={common("loading")}
        errorText={common("loadFailed")}
        placeholder={t("rolesNone")}
        filteringType="auto"
        deselectAriaLabel={({ label }) => `${common("tagRemove")}: ${label}`}
        expandToViewport
        onChange={({ detail }) => onChange(detail.selectedOptions.map(({ value = "" }) => value))}
      />
    </FormField>
  );
}
