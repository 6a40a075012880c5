import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import { useQuery } from "@tanstack/react-query";
import { notificationChannelsQuery } from "./api";
import { useCommandTexts } from "./texts";

interface Props {
  value: string;
  onChange: (channel: string) => void;
}

/** Whom to tell of the end; nothing where the hub has no channels. */
export function NotifyField({ value, onChange }: Props) {
  const t = useCommandTexts();
  const { data } = useQuery(notificationChannelsQuery);
  if (!data || data.length === 0) return null;
  const options = [{ value: "", label: t("notifyNobody") }, ...data.map(({ Name }) => ({ value: Name, label: Name }))];
  return (
    <FormField label={t("notify")} constraintText={t("notifyHelp")}>
      <Select
        selectedOption={options.find((option) => option.value === value) ?? null}
        options={options}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      />
    </FormField>
  );
}
