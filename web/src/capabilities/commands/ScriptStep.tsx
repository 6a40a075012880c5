import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { DELIVERY_RANGE, type Draft, EXECUTION_RANGE, inRange } from "./draft";
import { useCommandTexts } from "./texts";

const COMMENT_MOST = 100;
const PLACEHOLDER = "uptime\ndf -h /";

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  showErrors: boolean;
}

export function ScriptStep({ draft, onChange, showErrors }: Props) {
  const t = useCommandTexts();
  const rangeError = (text: string, range: { min: number; max: number }) => (inRange(text, range) ? undefined : t("timeoutRange", range));
  const hasRangeError = !inRange(draft.deliveryTimeout, DELIVERY_RANGE) || !inRange(draft.executionTimeout, EXECUTION_RANGE);
  return (
    <Container>
      <SpaceBetween size="l">
        <FormField
          label={t("script")}
          constraintText={t("scriptHelp")}
          errorText={showErrors && draft.script.trim() === "" ? t("scriptNeeded") : undefined}
          stretch
        >
          <div className="script-editor">
            <Textarea
              value={draft.script}
              rows={Math.min(Math.max(draft.script.split("\n").length + 2, 10), 28)}
              placeholder={PLACEHOLDER}
              spellcheck={false}
              autoComplete={false}
              autoFocus
              disableBrowserAutocorrect
              onChange={({ detail }) => onChange({ script: detail.value })}
            />
          </div>
        </FormField>
        <FormField label={t("comment")} constraintText={t("commentHelp")}>
          <Input value={draft.comment} autoComplete={false} onChange={({ detail }) => onChange({ comment: detail.value.slice(0, COMMENT_MOST) })} />
        </FormField>
        <ExpandableSection headerText={t("moreSettings")} defaultExpanded={hasRangeError}>
          <ColumnLayout columns={3}>
            <FormField label={t("workingDirectory")} constraintText={t("workingDirectoryHelp")}>
              <Input
                value={draft.workingDirectory}
                placeholder="/tmp"
                autoComplete={false}
                onChange={({ detail }) => onChange({ workingDirectory: detail.value })}
              />
            </FormField>
            <FormField label={t("deliveryTimeout")} constraintText={t("deliveryTimeoutHelp")} errorText={rangeError(draft.deliveryTimeout, DELIVERY_RANGE)}>
              <Input value={draft.deliveryTimeout} inputMode="numeric" onChange={({ detail }) => onChange({ deliveryTimeout: detail.value })} />
            </FormField>
            <FormField
              label={t("executionTimeout")}
              constraintText={t("executionTimeoutHelp")}
              errorText={rangeError(draft.executionTimeout, EXECUTION_RANGE)}
            >
              <Input value={draft.executionTimeout} inputMode="numeric" onChange={({ detail }) => onChange({ executionTimeout: detail.value })} />
            </FormField>
          </ColumnLayout>
        </ExpandableSection>
      </SpaceBetween>
    </Container>
  );
}
