import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useRef, useState } from "react";
import { useNavigate } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { MayButton } from "@/components/MayButton";
import { useNotify } from "@/components/Notifications";
import { useMay } from "@/components/useMay";
import { documentAt } from "@/platform/links";
import { setDefaultVersion } from "./api";
import { Changes } from "./Changes";
import { DraftFields } from "./DraftFields";
import type { Draft } from "./drafts";
import { CodeField, type CodeHandle } from "./editor/CodeField";
import { Problems } from "./Problems";
import { offsetOf } from "./rules";
import { TestPanel } from "./TestPanel";
import { useDocumentTexts } from "./texts";
import { useLint } from "./useLint";
import { useStored } from "./useStored";

interface Props {
  start: Pick<Draft, "name" | "type" | "format" | "content">;
  /** The version it begins with; nothing for a document that does not exist yet. */
  version?: string;
}

export function DocumentEditor(props: Props) {
  const t = useDocumentTexts();
  const notify = useNotify();
  const navigate = useNavigate();
  // What it began with stays that, whatever becomes the latest version meanwhile.
  const [{ start, version: begun }] = useState(props);
  const code = useRef<CodeHandle>(null);
  const [draft, setDraft] = useState<Draft>({ ...start, versionName: "", isDefault: true });
  // Closed, the panel keeps its node, its values and the run that it has begun.
  const [panel, setPanel] = useState<"none" | "open" | "closed">("none");
  const isTesting = panel === "open";
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  // A version's name is given once.
  const stored = useStored(draft, begun === undefined ? undefined : { version: begun, content: start.content }, () => change({ versionName: "" }));
  const lint = useLint(draft.content, draft.format, draft.type);
  const name = draft.name.trim();
  const may = useMay({ kind: "document", id: name }, ["ssm:SendCommand"], name !== "");
  const isNew = begun === undefined;
  const isWrong = lint.isCurrent && lint.problems.some(({ Severity }) => Severity === "error");

  const noVersion = () => {
    if (name === "") return t("nameNeeded");
    return isWrong ? t("wrongReason") : undefined;
  };
  const noSave = () => noVersion() ?? (!isNew && draft.content === start.content ? t("sameReason") : undefined);
  const noTest = draft.type === "Command" ? may("ssm:SendCommand") : t("runReason");
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const version = await stored.store();
      // The first version is the default by itself.
      if (draft.isDefault && stored.latest !== undefined) await setDefaultVersion(name, version);
      notify({ type: "success", content: t("saved", { name, version }) });
      await navigate(documentAt(name, version));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  const testButton = (
    <MayButton refusal={noTest} ariaExpanded={isTesting} onClick={() => setPanel(isTesting ? "closed" : "open")}>
      {t("test")}
    </MayButton>
  );
  return (
    <ContentLayout
      header={
        <Header variant="h1" actions={testButton}>
          {isNew ? t("create") : t("editTitle", { name })}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {error !== undefined && <ErrorState error={error} title={t("saveFailed")} />}
        <div className={isTesting ? "editor-and-test has-test" : "editor-and-test"}>
          <SpaceBetween size="l">
            <Container>
              <SpaceBetween size="l">
                <DraftFields draft={draft} isNew={isNew} isStored={stored.latest !== undefined} onChange={change} />
                <FormField label={t("content")} constraintText={draft.format === "TEXT" ? undefined : t("contentHelp")} stretch>
                  <CodeField
                    label={t("contentLabel")}
                    value={draft.content}
                    format={draft.format}
                    type={draft.type}
                    problems={lint.problems}
                    handle={(handle) => {
                      code.current = handle;
                    }}
                    onChange={(content) => change({ content })}
                  />
                </FormField>
              </SpaceBetween>
            </Container>
            <Problems lint={lint} onGo={({ Line, Column }) => code.current?.goTo(offsetOf(draft.content, Line, Column), Line)} />
            {begun !== undefined && <Changes version={begun} before={start.content} after={draft.content} />}
          </SpaceBetween>
          {panel !== "none" && noTest === undefined && (
            <div hidden={!isTesting}>
              <TestPanel name={name} stored={stored} refusal={noVersion()} />
            </div>
          )}
        </div>
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => void navigate(stored.latest === undefined ? "/documents" : documentAt(name))}>
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
