import Alert from "@cloudscape-design/components/alert";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import { type KeyRule, putTagRule } from "./api";
import { useTagsTexts } from "./texts";
import { TYPES } from "./types";

interface Props {
  rule: KeyRule | undefined;
  onClose: () => void;
  onSaved: () => void;
}

/** What must hold for one key. */
export function RuleDialog({ rule, onClose, onSaved }: Props) {
  const t = useTagsTexts();
  const notify = useNotify();
  const [key, setKey] = useState(rule?.key ?? "");
  const [types, setTypes] = useState<readonly string[]>(rule && rule.types.length < TYPES.length ? rule.types : []);
  const [isRequired, setRequired] = useState(rule?.isRequired ?? true);
  const [text, setText] = useState(rule?.values.join("\n") ?? "");
  const [isTried, setTried] = useState(false);
  const values = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const saysNothing = !isRequired && values.length === 0;
  const options = TYPES.map(({ value, text: name }) => ({ value, label: t(name) }));

  const save = async () => {
    setTried(true);
    if (key.trim() === "" || saysNothing) return false;
    await putTagRule({ key: key.trim(), types: [...types], isRequired, values });
    notify({ type: "success", content: t("ruleSaved", { key: key.trim() }) });
    onSaved();
    return true;
  };

  return (
    <FormDialog title={rule ? t("ruleEdit", { key: rule.key }) : t("ruleCreate")} action={t("ruleSave")} onSubmit={save} onClose={onClose}>
      {!rule && (
        <FormField label={t("ruleKey")} errorText={isTried && key.trim() === "" ? t("ruleKeyNeeded") : undefined}>
          <FocusedInput value={key} autoComplete={false} onChange={({ detail }) => setKey(detail.value)} />
        </FormField>
      )}
      <FormField label={t("ruleTypes")} description={t("ruleTypesHelp")}>
        <Multiselect
          selectedOptions={options.filter(({ value }) => types.includes(value))}
          options={options}
          placeholder={t("ruleTypesAll")}
          expandToViewport
          onChange={({ detail }) => setTypes(detail.selectedOptions.flatMap(({ value }) => value ?? []))}
        />
      </FormField>
      <Checkbox checked={isRequired} onChange={({ detail }) => setRequired(detail.checked)}>
        {t("ruleRequiredText")}
      </Checkbox>
      <FormField label={t("ruleValues")} description={t("ruleValuesHelp")}>
        <Textarea value={text} rows={4} onChange={({ detail }) => setText(detail.value)} />
      </FormField>
      {isTried && saysNothing && <Alert type="error">{t("ruleEmpty")}</Alert>}
    </FormDialog>
  );
}
