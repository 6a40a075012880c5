import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import type { PolicyDocument, Result } from "@/platform/types";
import { translatePolicy } from "./api";
import { ElementList } from "./ElementList";
import { useRightsTexts } from "./texts";

type Translated = Result<"Roadstead.ImportPolicy">;

const EXAMPLE = `{
  "Version": "2012-10-17",
  "Statement": [{ "Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*" }]
}`;

/** An IAM policy is pasted, the hub translates it and names what it cannot. */
export function IamImport({ onDocument }: { onDocument: (document: PolicyDocument) => void }) {
  const t = useRightsTexts();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [result, setResult] = useState<Translated>();

  const translate = async () => {
    setBusy(true);
    setError(undefined);
    setResult(undefined);
    try {
      setResult(await translatePolicy(text));
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };

  return (
    <SpaceBetween size="l">
      <FormField label={t("iamText")} description={t("iamHelp")} stretch>
        <div className="policy-text">
          <Textarea value={text} rows={14} placeholder={EXAMPLE} spellcheck={false} onChange={({ detail }) => setText(detail.value)} />
        </div>
      </FormField>
      <Button formAction="none" loading={busy} disabled={text.trim() === ""} onClick={() => void translate()}>
        {t("iamTranslate")}
      </Button>
      {error !== undefined && <ErrorState error={error} title={t("iamFailed")} />}
      {result && result.Unsupported.length > 0 && (
        <Alert type="warning" header={t("iamUnsupported", { count: result.Unsupported.length })}>
          <ElementList elements={result.Unsupported} />
          {t("iamUnsupportedHelp")}
        </Alert>
      )}
      {result && result.Notes.length > 0 && (
        <Alert type="info" header={t("iamNotes", { count: result.Notes.length })}>
          <ElementList elements={result.Notes} />
        </Alert>
      )}
      {result && (
        <Alert
          type={result.Unsupported.length > 0 ? "info" : "success"}
          header={t("iamTranslated", { count: result.Document.Statements.length })}
          action={
            <Button formAction="none" disabled={result.Document.Statements.length === 0} onClick={() => onDocument(result.Document)}>
              {t(result.Unsupported.length > 0 ? "iamUseRest" : "iamUse")}
            </Button>
          }
        />
      )}
    </SpaceBetween>
  );
}
