import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { ChoiceField } from "@/components/ChoiceField";
import { FormDialog } from "@/components/FormDialog";
import { putStore, type StoreDetails } from "./api";
import { type Addressing, type Draft, draftOf, putRequest } from "./draft";
import { useObjectStoreTexts } from "./texts";

interface Props {
  /** What to change; nothing: a new one. */
  store: StoreDetails | undefined;
  onClose: () => void;
  onSaved: () => void;
}

const ADDRESSINGS: readonly Addressing[] = ["path", "host"];

export function StoreDialog({ store, onClose, onSaved }: Props) {
  const t = useObjectStoreTexts();
  const [draft, setDraft] = useState(() => draftOf(store));
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const text = (key: keyof Draft & Parameters<typeof t>[0], help?: Parameters<typeof t>[0]) => (
    <FormField label={t(key)} constraintText={help && t(help)} stretch>
      <Input value={draft[key]} autoComplete={false} onChange={({ detail }) => change({ [key]: detail.value })} />
    </FormField>
  );
  const save = async () => {
    await putStore(putRequest(draft));
    onSaved();
    return true;
  };
  return (
    <FormDialog
      size="large"
      title={store ? t("editTitle", { name: store.Name }) : t("create")}
      action={store ? t("save") : t("create")}
      onSubmit={save}
      onClose={onClose}
    >
      {!store && text("name", "nameHelp")}
      {text("endpoint", "endpointHelp")}
      <ColumnLayout columns={2}>
        {text("region", "regionHelp")}
        <ChoiceField
          label={t("addressing")}
          selectedId={draft.addressing}
          options={ADDRESSINGS.map((id) => ({ id, text: t(id) }))}
          onChange={({ detail }) => change({ addressing: detail.selectedId as Addressing })}
        />
      </ColumnLayout>
      {text("keyId")}
      <FormField label={t("secret")} constraintText={t("secretHelp")} stretch>
        <Input type="password" value={draft.secret} autoComplete={false} onChange={({ detail }) => change({ secret: detail.value })} />
      </FormField>
      {text("places", "placesHelp")}
      {text("readable", "readableHelp")}
      {text("networks", "networksHelp")}
      <FormField label={t("ca")} constraintText={t("caHelp")} stretch>
        <Textarea value={draft.ca} rows={3} spellcheck={false} onChange={({ detail }) => change({ ca: detail.value })} />
      </FormField>
    </FormDialog>
  );
}
