import FormField from "@cloudscape-design/components/form-field";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import { useRef, useState } from "react";
import { findCommandDocuments } from "@/components/documents";
import { useCommonTexts } from "@/components/texts";
import { useCommandTexts } from "./texts";

interface Props {
  name: string;
  error: string | undefined;
  onChange: (name: string) => void;
}

/** Finds documents on the hub by what their names and descriptions say. */
export function DocumentPicker({ name, error, onChange }: Props) {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const [options, setOptions] = useState<SelectProps.Option[]>([]);
  const [status, setStatus] = useState<"loading" | "finished" | "error">("finished");
  const latest = useRef(0);

  const load = async (text: string) => {
    const turn = ++latest.current;
    setStatus("loading");
    const found = await findCommandDocuments(text).catch(() => undefined);
    if (turn !== latest.current) return;
    setOptions((found ?? []).map(({ Name, Owner, DocumentVersion }) => ({ value: Name, label: Name, description: `${Owner} · ${DocumentVersion}` })));
    setStatus(found ? "finished" : "error");
  };

  return (
    <FormField label={t("document")} errorText={error}>
      <Select
        selectedOption={name === "" ? null : { value: name, label: name }}
        options={options}
        filteringType="manual"
        statusType={status}
        placeholder={t("documentFind")}
        filteringPlaceholder={t("documentFind")}
        filteringAriaLabel={t("documentFind")}
        empty={t("documentNone")}
        loadingText={common("loading")}
        errorText={common("loadFailed")}
        recoveryText={common("retry")}
        expandToViewport
        onLoadItems={({ detail }) => void load(detail.filteringText)}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      />
    </FormField>
  );
}
