import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Tiles from "@cloudscape-design/components/tiles";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { parameterAt } from "@/platform/links";
import { listKeys, putParameter } from "./api";
import { type Draft, missingOf, requestOf } from "./draft";
import { type Translator, useParameterTexts } from "./texts";

/** A new parameter, or the next version of one. */
export function ParameterForm({ start, isNew }: { start: Draft; isNew: boolean }) {
  const t = useParameterTexts();
  const notify = useNotify();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [draft, setDraft] = useState(start);
  const [wasTried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const missing = wasTried ? missingOf(draft) : {};
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });

  const save = async () => {
    setTried(true);
    if (Object.keys(missingOf(draft)).length > 0) return;
    setBusy(true);
    setError(undefined);
    try {
      const { Version } = await putParameter(requestOf(draft, isNew));
      // What was read before is old now; the page that is shown next reads it anew.
      await client.invalidateQueries({ queryKey: ["parameters"], refetchType: "none" });
      notify({ type: "success", content: t("saved", { name: draft.name.trim(), version: Version }) });
      await navigate(parameterAt(draft.name.trim()));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  return (
    <SpaceBetween size="l">
      {error !== undefined && <ErrorState error={error} title={t("saveFailed")} />}
      <Container>
        <SpaceBetween size="l">
          <FormField label={t("name")} constraintText={isNew && t("nameHelp")} errorText={missing.name && t(missing.name)}>
            <Input value={draft.name} disabled={!isNew} autoComplete={false} onChange={({ detail }) => change({ name: detail.value })} />
          </FormField>
          {isNew && <TypeField draft={draft} change={change} t={t} />}
          {draft.type === "SecureString" && <KeyField draft={draft} change={change} />}
          <FormField label={t("value")} errorText={missing.value && t(missing.value)} stretch>
            <Textarea
              value={draft.value}
              rows={5}
              spellcheck={false}
              disableBrowserAutocorrect
              autoComplete={false}
              onChange={({ detail }) => change({ value: detail.value })}
            />
          </FormField>
          <FormField label={t("description")} stretch>
            <Input value={draft.description} autoComplete={false} onChange={({ detail }) => change({ description: detail.value })} />
          </FormField>
          <TierField draft={draft} change={change} t={t} />
          <FormField label={t("pattern")} constraintText={t("patternHelp")}>
            <Input value={draft.pattern} spellcheck={false} autoComplete={false} onChange={({ detail }) => change({ pattern: detail.value })} />
          </FormField>
          <FormField label={t("policies")} constraintText={t("policiesHelp")} stretch>
            <Textarea value={draft.policies} rows={3} spellcheck={false} onChange={({ detail }) => change({ policies: detail.value })} />
          </FormField>
        </SpaceBetween>
      </Container>
      <Box float="right">
        <SpaceBetween direction="horizontal" size="xs">
          <Button variant="link" onClick={() => void navigate(isNew ? "/parameters" : parameterAt(draft.name))}>
            {t("cancel")}
          </Button>
          <Button variant="primary" loading={busy} onClick={() => void save()}>
            {t("save")}
          </Button>
        </SpaceBetween>
      </Box>
    </SpaceBetween>
  );
}

interface FieldProps {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  t: Translator;
}

function TypeField({ draft, change, t }: FieldProps) {
  return (
    <FormField label={t("type")} stretch>
      <Tiles
        value={draft.type}
        ariaLabel={t("type")}
        columns={3}
        items={[
          { value: "String", label: t("typeString"), description: t("typeStringHelp") },
          { value: "StringList", label: t("typeStringList"), description: t("typeStringListHelp") },
          { value: "SecureString", label: t("typeSecureString"), description: t("typeSecureStringHelp") },
        ]}
        onChange={({ detail }) => change({ type: detail.value as Draft["type"] })}
      />
    </FormField>
  );
}

function TierField({ draft, change, t }: FieldProps) {
  const options = [
    { value: "Standard", label: t("tierStandard") },
    { value: "Advanced", label: t("tierAdvanced") },
    { value: "Intelligent-Tiering", label: t("tierIntelligent") },
  ];
  return (
    <FormField label={t("tier")}>
      <Select
        options={options}
        selectedOption={options.find(({ value }) => value === draft.tier) ?? null}
        onChange={({ detail }) => change({ tier: detail.selectedOption.value as Draft["tier"] })}
      />
    </FormField>
  );
}

function KeyField({ draft, change }: Omit<FieldProps, "t">) {
  const t = useParameterTexts();
  const keys = useQuery({ queryKey: ["secret-keys"], queryFn: ({ signal }) => listKeys(signal) });
  const aliases = new Set([draft.keyId, ...(keys.data?.items ?? []).filter(({ Status }) => Status === "Enabled").map(({ Alias }) => Alias)]);
  const options = [...aliases].map((value) => ({ value, label: value }));
  return (
    <FormField label={t("key")} constraintText={t("keyHelp")}>
      <Select
        options={options}
        selectedOption={options.find(({ value }) => value === draft.keyId) ?? null}
        onChange={({ detail }) => change({ keyId: detail.selectedOption.value ?? draft.keyId })}
      />
    </FormField>
  );
}
