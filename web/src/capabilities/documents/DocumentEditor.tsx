import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { MayButton } from "@/components/MayButton";
import { useNotify } from "@/components/Notifications";
import { documentAt } from "@/platform/links";
import { createDocument, updateDocument } from "./api";
import { CodeField, type CodeHandle } from "./CodeField";
import { Problems } from "./Problems";
import { marksOf, offsetOf } from "./rules";
import { useDocumentTexts } from "./texts";
import { TYPES } from "./tokens";
import { useLint } from "./useLint";

const FORMATS = ["YAML", "JSON", "TEXT"].map((value) => ({ value, label: value }));
const KINDS = TYPES.map((value) => ({ value, label: value }));

export interface Draft {
  name: string;
  type: string;
  format: string;
  content: string;
}

interface Props {
  start: Draft;
  /** A document that does not exist yet; else the next version of one. */
  isNew: boolean;
}

export function DocumentEditor({ start, isNew }: Props) {
  const t = useDocumentTexts();
  const notify = useNotify();
  const navigate = useNavigate();
  const client = useQueryClient();
  const code = useRef<CodeHandle>(null);
  const [draft, setDraft] = useState(start);
  const [versionName, setVersionName] = useState("");
  const [isDefault, setDefault] = useState(true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const lint = useLint(draft.content, draft.format, draft.type);
  const marks = useMemo(() => marksOf(lint.problems), [lint.problems]);
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const name = draft.name.trim();
  const isWrong = lint.isCurrent && lint.problems.some(({ Severity }) => Severity === "error");
  const isSame = !isNew && draft.content === start.content;

  const noSave = () => {
    if (name === "") return t("nameNeeded");
    if (isSame) return t("sameReason");
    return isWrong ? t("wrongReason") : undefined;
  };
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const request = { Name: name, Content: draft.content, DocumentFormat: draft.format, ...(versionName.trim() ? { VersionName: versionName.trim() } : {}) };
      const version = await (isNew ? createDocument({ ...request, DocumentType: draft.type }) : updateDocument(request, isDefault));
      // What was read before is old now; the page that is shown next reads it anew.
      await client.invalidateQueries({ queryKey: ["documents"], refetchType: "none" });
      notify({ type: "success", content: t("saved", { name, version }) });
      await navigate(documentAt(name, version));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return (
    <ContentLayout header={<Header variant="h1">{isNew ? t("create") : t("editTitle", { name })}</Header>}>
      <SpaceBetween size="l">
        {error !== undefined && <ErrorState error={error} title={t("saveFailed")} />}
        <Container>
          <SpaceBetween size="l">
            {isNew && (
              <FormField label={t("name")} constraintText={t("nameHelp")}>
                <Input value={draft.name} autoComplete={false} spellcheck={false} onChange={({ detail }) => change({ name: detail.value })} />
              </FormField>
            )}
            <ColumnLayout columns={isNew ? 3 : 2}>
              {isNew && (
                <FormField label={t("type")}>
                  <Select
                    options={KINDS}
                    selectedOption={KINDS.find(({ value }) => value === draft.type) ?? null}
                    expandToViewport
                    onChange={({ detail }) => change({ type: detail.selectedOption.value ?? "Command" })}
                  />
                </FormField>
              )}
              <FormField label={t("writtenIn")}>
                <Select
                  options={FORMATS}
                  selectedOption={FORMATS.find(({ value }) => value === draft.format) ?? null}
                  onChange={({ detail }) => change({ format: detail.selectedOption.value ?? "YAML" })}
                />
              </FormField>
              <FormField label={t("versionName")} constraintText={t("versionNameHelp")}>
                <Input value={versionName} autoComplete={false} spellcheck={false} onChange={({ detail }) => setVersionName(detail.value)} />
              </FormField>
            </ColumnLayout>
            {!isNew && (
              <Checkbox checked={isDefault} onChange={({ detail }) => setDefault(detail.checked)}>
                {t("makeNewDefault")}
              </Checkbox>
            )}
            <FormField label={t("content")} stretch>
              <CodeField
                label={t("contentLabel")}
                value={draft.content}
                marks={marks}
                handle={(handle) => {
                  code.current = handle;
                }}
                onChange={(content) => change({ content })}
              />
            </FormField>
          </SpaceBetween>
        </Container>
        <Problems lint={lint} onGo={({ Line, Column }) => code.current?.goTo(offsetOf(draft.content, Line, Column), Line)} />
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => void navigate(isNew ? "/documents" : documentAt(name))}>
              {t("cancel")}
            </Button>
            <MayButton variant="primary" loading={busy} refusal={noSave()} onClick={() => void save()}>
              {t("save")}
            </MayButton>
          </SpaceBetween>
        </Box>
      </SpaceBetween>
    </ContentLayout>
  );
}
