import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { DocumentFields } from "./DocumentFields";
import { DELIVERY_RANGE, type Draft, EXECUTION_RANGE, type WhatKind, inRange } from "./draft";
import { LogGroupField } from "./LogGroupField";
import { NotifyField } from "./NotifyField";
import { OutputPlaceField } from "./OutputPlaceField";
import { ProcessSettings } from "./ProcessSettings";
import { ScriptField } from "./ScriptField";
import { useCommandTexts } from "./texts";

const COMMENT_MOST = 100;

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  showErrors: boolean;
}

/** What is to run: commands typed here, or a document. */
export function WhatStep({ draft, onChange, showErrors }: Props) {
  const t = useCommandTexts();
  const isScript = draft.what === "script";
  const rangeError = (text: string, range: { min: number; max: number }) => (inRange(text, range) ? undefined : t("timeoutRange", range));
  const hasRangeError = !inRange(draft.deliveryTimeout, DELIVERY_RANGE) || (isScript && !inRange(draft.executionTimeout, EXECUTION_RANGE));
  return (
    <Container>
      <SpaceBetween size="l">
        <FormField label={t("whatKind")} stretch>
          <Tiles
            value={draft.what}
            columns={2}
            onChange={({ detail }) => onChange({ what: detail.value as WhatKind })}
            items={[
              { value: "script", label: t("byScript"), description: t("byScriptHelp") },
              { value: "document", label: t("byDocument"), description: t("byDocumentHelp") },
            ]}
          />
        </FormField>
        {isScript ? (
          <ScriptField script={draft.script} showErrors={showErrors} onChange={(script) => onChange({ script })} />
        ) : (
          <DocumentFields draft={draft} showErrors={showErrors} onChange={onChange} />
        )}
        <FormField label={t("comment")} constraintText={t("commentHelp")}>
          <Input value={draft.comment} autoComplete={false} onChange={({ detail }) => onChange({ comment: detail.value.slice(0, COMMENT_MOST) })} />
        </FormField>
        <NotifyField value={draft.notify} onChange={(notify) => onChange({ notify })} />
        <OutputPlaceField value={draft.outputPlace} onChange={(outputPlace) => onChange({ outputPlace })} />
        <LogGroupField draft={draft} onChange={onChange} />
        <ExpandableSection headerText={t(isScript ? "moreSettings" : "timeouts")} defaultExpanded={hasRangeError}>
          <ColumnLayout columns={3}>
            {isScript && (
              <FormField label={t("workingDirectory")} constraintText={t("workingDirectoryHelp")}>
                <Input
                  value={draft.workingDirectory}
                  placeholder="/tmp"
                  autoComplete={false}
                  onChange={({ detail }) => onChange({ workingDirectory: detail.value })}
                />
              </FormField>
            )}
            <FormField label={t("deliveryTimeout")} constraintText={t("deliveryTimeoutHelp")} errorText={rangeError(draft.deliveryTimeout, DELIVERY_RANGE)}>
              <Input value={draft.deliveryTimeout} inputMode="numeric" onChange={({ detail }) => onChange({ deliveryTimeout: detail.value })} />
            </FormField>
            {isScript && (
              <FormField
                label={t("executionTimeout")}
                constraintText={t("executionTimeoutHelp")}
                errorText={rangeError(draft.executionTimeout, EXECUTION_RANGE)}
              >
                <Input value={draft.executionTimeout} inputMode="numeric" onChange={({ detail }) => onChange({ executionTimeout: detail.value })} />
              </FormField>
            )}
          </ColumnLayout>
        </ExpandableSection>
        <ProcessSettings draft={draft} onChange={onChange} />
      </SpaceBetween>
    </Container>
  );
}
