import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { useNotify } from "@/components/Notifications";
import { share } from "./api";
import { sharedVersions } from "./sharedVersions";
import { useDocumentTexts } from "./texts";

interface Props {
  name: string;
  onClose: () => void;
  onSaved: () => void;
}

export function ShareDialog({ name, onClose, onSaved }: Props) {
  const t = useDocumentTexts();
  const notify = useNotify();
  const [account, setAccount] = useState("");
  const [version, setVersion] = useState("$DEFAULT");
  const [isTried, setTried] = useState(false);
  const isAccount = /^(all|\d{12})$/i.test(account.trim());
  const versions = sharedVersions(t);
  const save = async () => {
    setTried(true);
    if (!isAccount) return false;
    await share(name, account.trim(), version);
    notify({ type: "success", content: t("shared", { name }) });
    onSaved();
    return true;
  };
  return (
    <FormDialog title={t("shareTitle", { name })} action={t("shareAdd")} onSubmit={save} onClose={onClose}>
      <FormField label={t("account")} constraintText={t("accountHelp")} errorText={isTried && !isAccount ? t("accountHelp") : undefined}>
        <FocusedInput value={account} autoComplete={false} onChange={({ detail }) => setAccount(detail.value)} />
      </FormField>
      <FormField label={t("sharedVersion")}>
        <Select
          options={versions}
          selectedOption={versions.find(({ value }) => value === version) ?? null}
          expandToViewport
          onChange={({ detail }) => setVersion(detail.selectedOption.value ?? "$DEFAULT")}
        />
      </FormField>
    </FormDialog>
  );
}
