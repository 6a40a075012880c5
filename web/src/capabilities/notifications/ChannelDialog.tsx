import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { ChoiceField } from "@/components/ChoiceField";
import { FormDialog } from "@/components/FormDialog";
import { type ChannelDetails, putChannel } from "./api";
import { type Draft, draftOf, type Kind, putRequest, type Security } from "./draft";
import { useNotificationTexts } from "./texts";

interface Props {
  /** What to change; nothing: a new one. */
  channel: ChannelDetails | undefined;
  onClose: () => void;
  onSaved: () => void;
}

const SECRET_HELP = { webhook: "secretHelpWebhook", mail: "secretHelpMail", ntfy: "secretHelpNtfy" } as const;
const SECURITIES: readonly Security[] = ["starttls", "tls", "none"];
const KINDS: readonly Kind[] = ["webhook", "mail", "ntfy"];

export function ChannelDialog({ channel, onClose, onSaved }: Props) {
  const t = useNotificationTexts();
  const [draft, setDraft] = useState(() => draftOf(channel));
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const text = (key: keyof Draft & Parameters<typeof t>[0], help?: Parameters<typeof t>[0]) => (
    <FormField label={t(key)} constraintText={help && t(help)} stretch>
      <Input value={draft[key]} autoComplete={false} onChange={({ detail }) => change({ [key]: detail.value })} />
    </FormField>
  );
  const save = async () => {
    await putChannel(putRequest(draft));
    onSaved();
    return true;
  };
  const title = channel ? t("editTitle", { name: channel.Name }) : t("create");
  return (
    <FormDialog size="large" title={title} action={channel ? t("save") : t("create")} onSubmit={save} onClose={onClose}>
      {!channel && text("name", "nameHelp")}
      <ChoiceField
        label={t("kind")}
        selectedId={draft.kind}
        options={KINDS.map((kind) => ({ id: kind, text: t(kind) }))}
        onChange={({ detail }) => change({ kind: detail.selectedId as Kind })}
      />
      {draft.kind !== "mail" && text("url", "urlHelp")}
      {draft.kind === "ntfy" && text("topic")}
      {draft.kind === "mail" && (
        <>
          <ColumnLayout columns={3}>
            {text("host")}
            {text("port")}
            <FormField label={t("security")}>
              <Select
                selectedOption={{ value: draft.security, label: t(draft.security) }}
                options={SECURITIES.map((security) => ({ value: security, label: t(security) }))}
                onChange={({ detail }) => change({ security: detail.selectedOption.value as Security })}
              />
            </FormField>
          </ColumnLayout>
          {text("from")}
          {text("to", "toHelp")}
          {text("user", "userHelp")}
        </>
      )}
      <FormField label={t("secret")} constraintText={t(SECRET_HELP[draft.kind])} stretch>
        <Input type="password" value={draft.secret} autoComplete={false} onChange={({ detail }) => change({ secret: detail.value })} />
      </FormField>
      {text("networks", "networksHelp")}
      <FormField label={t("ca")} constraintText={t("caHelp")} stretch>
        <Textarea value={draft.ca} rows={3} spellcheck={false} onChange={({ detail }) => change({ ca: detail.value })} />
      </FormField>
    </FormDialog>
  );
}
