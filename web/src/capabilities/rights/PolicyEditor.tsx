import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { useMay } from "@/components/useMay";
import type { PolicyDocument, Result } from "@/platform/types";
import { putPolicy, useRightsChanged } from "./api";
import { ElementList } from "./ElementList";
import { IamImport } from "./IamImport";
import { PolicyHolders } from "./PolicyHolders";
import { EMPTY_STATEMENT, documentFromText, documentOf, documentText, formOf } from "./statements";
import { StatementsForm } from "./StatementsForm";
import { useRightsTexts } from "./texts";
import "./rights.css";

type Tab = "form" | "json" | "iam" | "cedar" | "holders";

const ACTIONS = ["roadstead:PutPolicy"] as const;

/** Writes a policy, as a form, as text or from IAM's JSON; the form and the text are two views of one thing. */
export function PolicyEditor({ stored }: { stored?: Result<"Roadstead.GetPolicy"> }) {
  const t = useRightsTexts();
  const noPut = useMay({ kind: "policy" }, ACTIONS)("roadstead:PutPolicy");
  const notify = useNotify();
  const navigate = useNavigate();
  const changed = useRightsChanged();
  const [params] = useSearchParams();
  const [name, setName] = useState(stored?.Policy.PolicyName ?? "");
  const [description, setDescription] = useState(stored?.Policy.Description ?? "");
  const [statements, setStatements] = useState(() => (stored ? formOf(stored.Document) : [EMPTY_STATEMENT]));
  const [text, setText] = useState<string>();
  const [tab, setTab] = useState<Tab>(!stored && params.get("from") === "iam" ? "iam" : "form");
  const [isTried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const read = text === undefined ? undefined : documentFromText(text);
  const problem = read && "problem" in read ? read.problem : undefined;

  const take = (document: PolicyDocument) => {
    setStatements(formOf(document));
    setText(undefined);
    setTab("form");
  };
  const turnTo = (next: Tab) => {
    if (problem !== undefined) return;
    if (read && "document" in read) setStatements(formOf(read.document));
    setText(next === "json" ? documentText(read && "document" in read ? read.document : documentOf(statements)) : undefined);
    setTab(next);
  };
  const save = async () => {
    setTried(true);
    if (name.trim() === "" || problem !== undefined) return;
    setBusy(true);
    setError(undefined);
    try {
      const document = read && "document" in read ? read.document : documentOf(statements);
      const { Notes } = await putPolicy({ PolicyName: name.trim(), Description: description.trim(), Document: document });
      notify({ type: "success", content: t("policySaved", { name: name.trim() }) });
      if (Notes.length > 0) notify({ type: "info", content: <ElementList elements={Notes} /> });
      changed();
      await navigate("/policies");
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };

  const tabs = [
    { id: "form", label: t("asForm"), content: <StatementsForm statements={statements} onChange={setStatements} /> },
    {
      id: "json",
      label: t("asJson"),
      content: (
        <FormField label={t("asJson")} errorText={problem && t("jsonProblem", { problem })} stretch>
          <div className="policy-text">
            <Textarea value={text ?? ""} rows={22} spellcheck={false} onChange={({ detail }) => setText(detail.value)} />
          </div>
        </FormField>
      ),
    },
    { id: "iam", label: t("fromIam"), content: <IamImport onDocument={take} /> },
    ...(stored
      ? [
          { id: "holders", label: t("attachedTo"), content: <PolicyHolders policy={stored.Policy} /> },
          { id: "cedar", label: "Cedar", content: <CopyLine text={stored.Cedar} label="Cedar" /> },
        ]
      : []),
  ];

  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" onClick={() => void navigate("/policies")}>
                {t("cancel")}
              </Button>
              <Button variant="primary" loading={busy} disabled={noPut !== undefined || problem !== undefined} disabledReason={noPut ?? t("jsonFirst")} onClick={() => void save()}>
                {t("save")}
              </Button>
            </SpaceBetween>
          }
        >
          {stored ? stored.Policy.PolicyName : t("policyCreate")}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {error !== undefined && <ErrorState error={error} title={t("policyNotSaved")} />}
        {stored && stored.Policy.AttachedTo.length > 0 && <Alert type="info">{t("policyInUse", { count: stored.Policy.AttachedTo.length })}</Alert>}
        {stored && stored.Notes.length > 0 && (
          <Alert type="warning" header={t("policyIdle", { count: stored.Notes.length })}>
            <ElementList elements={stored.Notes} />
          </Alert>
        )}
        <Container>
          <ColumnLayout columns={2}>
            <FormField label={t("policyName")} errorText={isTried && name.trim() === "" ? t("nameNeeded") : undefined}>
              {stored ? <Box>{name}</Box> : <Input value={name} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />}
            </FormField>
            <FormField label={t("description")}>
              <Input value={description} autoComplete={false} onChange={({ detail }) => setDescription(detail.value)} />
            </FormField>
          </ColumnLayout>
        </Container>
        <Tabs activeTabId={tab} onChange={({ detail }) => turnTo(detail.activeTabId as Tab)} tabs={tabs} />
      </SpaceBetween>
    </ContentLayout>
  );
}
