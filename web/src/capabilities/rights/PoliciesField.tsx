import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useQuery } from "@tanstack/react-query";
import { useCommonTexts } from "@/components/texts";
import { policiesQuery } from "./api";
import { useRightsTexts } from "./texts";

interface Props {
  policies: readonly string[];
  onChange: (policies: string[]) => void;
}

export function PoliciesField({ policies, onChange }: Props) {
  const t = useRightsTexts();
  const common = useCommonTexts();
  const query = useQuery(policiesQuery);
  const options = (query.data ?? []).map(({ PolicyName, Description }) => ({ value: PolicyName, label: PolicyName, description: Description }));
  return (
    <FormField label={t("policies")} description={t("policiesFieldHelp")} stretch>
      <Multiselect
        selectedOptions={policies.map((name) => options.find(({ value }) => value === name) ?? { value: name, label: name })}
        options={options}
        statusType={query.isPending ? "loading" : "finished"}
        loadingText={common("loading")}
        empty={t("policiesEmpty")}
        placeholder={t("policiesChoose")}
        filteringType="auto"
        deselectAriaLabel={({ label }) => `${common("tagRemove")}: ${label}`}
        expandToViewport
        onChange={({ detail }) => onChange(detail.selectedOptions.map(({ value = "" }) => value))}
      />
    </FormField>
  );
}
