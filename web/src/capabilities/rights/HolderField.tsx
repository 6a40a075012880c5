import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import { useQuery } from "@tanstack/react-query";
import { useCommonTexts } from "@/components/texts";
import { rolesQuery, usersQuery } from "./api";
import { useRightsTexts } from "./texts";

interface Props {
  holder: "role" | "user";
  name: string;
  error: string | undefined;
  onChange: (name: string) => void;
}

/** The role or user that limits are for. */
export function HolderField({ holder, name, error, onChange }: Props) {
  const t = useRightsTexts();
  const common = useCommonTexts();
  const roles = useQuery({ ...rolesQuery, enabled: holder === "role" });
  const users = useQuery({ ...usersQuery, enabled: holder === "user" });
  const query = holder === "role" ? roles : users;
  const names = holder === "role" ? roles.data?.map(({ RoleName }) => RoleName) : users.data?.map(({ UserName }) => UserName);
  const options = (names ?? []).map((value) => ({ value, label: value }));
  const status = () => {
    if (query.error) return "error";
    return query.isPending ? "loading" : "finished";
  };
  return (
    <FormField label={t(holder)} errorText={error}>
      <Select
        options={options}
        selectedOption={options.find(({ value }) => value === name) ?? null}
        filteringType="auto"
        statusType={status()}
        loadingText={common("loading")}
        errorText={common("loadFailed")}
        recoveryText={common("retry")}
        onLoadItems={() => query.error && void query.refetch()}
        expandToViewport
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      />
    </FormField>
  );
}
