import Alert from "@cloudscape-design/components/alert";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ChoiceField } from "@/components/ChoiceField";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import type { HeldLimits, LimitHolder } from "@/platform/types";
import { limitsQuery, putLimits } from "./api";
import { HolderField } from "./HolderField";
import { type LimitsForm, holderText, isLimit, limitsForm, limitsOf } from "./limits";
import { useRightsTexts } from "./texts";

interface Props {
  held: HeldLimits | undefined;
  onClose: () => void;
  onSaved: () => void;
}

const FIELDS = ["maxTargets", "confirmAbove", "approveAbove"] as const;
const HELP = { maxTargets: "maxTargetsHelp", confirmAbove: "confirmAboveHelp", approveAbove: "approveAboveHelp" } as const;

export function LimitsDialog({ held, onClose, onSaved }: Props) {
  const t = useRightsTexts();
  const notify = useNotify();
  const [form, setForm] = useState(() => limitsForm(held));
  const [isTried, setTried] = useState(false);
  const change = (part: Partial<LimitsForm>) => setForm((before) => ({ ...before, ...part }));
  const isNameless = form.holder !== "default" && form.name === "";
  const all = useQuery({ ...limitsQuery, enabled: held === undefined });
  const replaced = all.data?.find(({ Holder, HolderName }) => Holder === form.holder && HolderName === form.name);
  const isEmpty = FIELDS.every((field) => form[field].trim() === "");

  const save = async () => {
    setTried(true);
    if (isNameless || isEmpty || !FIELDS.every((field) => isLimit(form[field]))) return false;
    await putLimits({ Holder: form.holder, ...(form.holder === "default" ? {} : { HolderName: form.name }), Limits: limitsOf(form) });
    notify({ type: "success", content: t("limitsSaved", { name: holderText({ Holder: form.holder, HolderName: form.name }, t) }) });
    onSaved();
    return true;
  };
  const errorOf = (field: (typeof FIELDS)[number]) => {
    if (!isLimit(form[field])) return t("limitNumber");
    return isTried && isEmpty && field === "maxTargets" ? t("limitsNeeded") : undefined;
  };

  return (
    <FormDialog title={held ? t("limitsEdit", { name: holderText(held, t) }) : t("limitsCreate")} action={t(held ? "save" : "limitsCreate")} onSubmit={save} onClose={onClose}>
      <SpaceBetween size="l">
        {!held && (
          <ChoiceField
            label={t("holder")}
            description={t("holderHelp")}
            selectedId={form.holder}
            options={[
              { id: "default", text: t("holderDefault") },
              { id: "role", text: t("holderRole") },
              { id: "user", text: t("holderUser") },
            ]}
            onChange={({ detail }) => change({ holder: detail.selectedId as LimitHolder, name: "" })}
          />
        )}
        {!held && form.holder !== "default" && (
          <HolderField holder={form.holder} name={form.name} error={isTried && isNameless ? t("holderNeeded") : undefined} onChange={(name) => change({ name })} />
        )}
        {replaced && <Alert type="info">{t("limitsReplaced", { name: holderText(replaced, t) })}</Alert>}
        {FIELDS.map((field) => (
          <FormField key={field} label={t(field)} constraintText={t(HELP[field])} errorText={errorOf(field)}>
            <Input value={form[field]} inputMode="numeric" autoComplete={false} placeholder={t("limitNone")} onChange={({ detail }) => change({ [field]: detail.value })} />
          </FormField>
        ))}
      </SpaceBetween>
    </FormDialog>
  );
}
