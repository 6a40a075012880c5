import Alert from "@cloudscape-design/components/alert";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ChoiceField } from "@/components/ChoiceField";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import type { LoginRule } from "@/platform/types";
import { loginRulesQuery, putLoginRule } from "./api";
import { HolderField } from "./HolderField";
import { DEMANDS, EVERY_ROLE, isDemanding, noDemands, ruleHolder } from "./loginRules";
import { useRightsTexts } from "./texts";

interface Props {
  rule: LoginRule | undefined;
  onClose: () => void;
  onSaved: () => void;
}

export function LoginRuleDialog({ rule, onClose, onSaved }: Props) {
  const t = useRightsTexts();
  const notify = useNotify();
  const [form, setForm] = useState(() => rule ?? noDemands(EVERY_ROLE));
  const [isTried, setTried] = useState(false);
  const change = (part: Partial<LoginRule>) => setForm((before) => ({ ...before, ...part }));
  const isNameless = form.Role === "";
  const all = useQuery({ ...loginRulesQuery, enabled: rule === undefined });
  const replaced = all.data?.find(({ Role }) => Role === form.Role);

  const save = async () => {
    setTried(true);
    if (isNameless || !isDemanding(form)) return false;
    await putLoginRule(form);
    notify({ type: "success", content: t("loginRuleSaved", { name: ruleHolder(form.Role, t) }) });
    onSaved();
    return true;
  };

  return (
    <FormDialog
      title={rule ? t("loginRuleEdit", { name: ruleHolder(rule.Role, t) }) : t("loginRuleCreate")}
      action={t(rule ? "save" : "loginRuleCreate")}
      onSubmit={save}
      onClose={onClose}
    >
      <SpaceBetween size="l">
        {!rule && (
          <ChoiceField
            label={t("holder")}
            description={t("loginRuleHolderHelp")}
            selectedId={form.Role === EVERY_ROLE ? "every" : "role"}
            options={[
              { id: "every", text: t("everyRoleChoice") },
              { id: "role", text: t("holderRole") },
            ]}
            onChange={({ detail }) => change({ Role: detail.selectedId === "every" ? EVERY_ROLE : "" })}
          />
        )}
        {!rule && form.Role !== EVERY_ROLE && (
          <HolderField holder="role" name={form.Role} error={isTried && isNameless ? t("holderNeeded") : undefined} onChange={(Role) => change({ Role })} />
        )}
        {replaced && <Alert type="info">{t("loginRuleReplaced", { name: ruleHolder(replaced.Role, t) })}</Alert>}
        <FormField label={t("demands")} errorText={isTried && !isDemanding(form) ? t("demandsNeeded") : undefined}>
          <SpaceBetween size="s">
            {DEMANDS.map(({ key, text, help }) => (
              <Checkbox key={key} checked={form[key]} description={t(help)} onChange={({ detail }) => change({ [key]: detail.checked })}>
                {t(text)}
              </Checkbox>
            ))}
          </SpaceBetween>
        </FormField>
      </SpaceBetween>
    </FormDialog>
  );
}
