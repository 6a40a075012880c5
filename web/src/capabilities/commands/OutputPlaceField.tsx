import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useQuery } from "@tanstack/react-query";
import { objectStoresQuery } from "./api";
import { isPlace } from "./draft";
import { useCommandTexts } from "./texts";

interface Props {
  value: string;
  onChange: (place: string) => void;
}

/** Where the output goes, too; nothing where the hub has no object stores. */
export function OutputPlaceField({ value, onChange }: Props) {
  const t = useCommandTexts();
  const { data } = useQuery(objectStoresQuery);
  if (!data || data.length === 0) return null;
  const places = data.flatMap(({ OutputPlaces }) => OutputPlaces).join(", ");
  return (
    <FormField label={t("outputPlace")} constraintText={t("outputPlaceHelp", { places })} errorText={isPlace(value) ? undefined : t("outputPlaceError")}>
      <Input value={value} autoComplete={false} onChange={({ detail }) => onChange(detail.value)} />
    </FormField>
  );
}
