import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import type { OfflineChoice } from "@/platform/types";
import { type Draft, isPaceReady, isRate } from "./draft";
import { OFFLINE_LABEL } from "./pace";
import { useCommandTexts } from "./texts";

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
}

const CHOICES: readonly OfflineChoice[] = ["Wait", "Skip", "Fail"];

/** How many nodes at a time, which first, and when to stop. */
export function PaceSettings({ draft, onChange }: Props) {
  const t = useCommandTexts();
  const rateError = (text: string, least: 0 | 1) => (isRate(text, least) ? undefined : t("rateError", { min: least }));
  const option = (choice: OfflineChoice) => ({ value: choice, label: t(OFFLINE_LABEL[choice]) });
  return (
    <Container>
      <ExpandableSection headerText={t("pace")} headerDescription={t("paceHelp")} defaultExpanded={!isPaceReady(draft)}>
        <ColumnLayout columns={2}>
          <FormField label={t("concurrency")} constraintText={t("concurrencyHelp")} errorText={rateError(draft.concurrency, 1)}>
            <Input value={draft.concurrency} autoComplete={false} onChange={({ detail }) => onChange({ concurrency: detail.value })} />
          </FormField>
          <FormField label={t("maxErrors")} constraintText={t("maxErrorsHelp")} errorText={rateError(draft.maxErrors, 0)}>
            <Input value={draft.maxErrors} autoComplete={false} onChange={({ detail }) => onChange({ maxErrors: detail.value })} />
          </FormField>
          <FormField
            label={t("canary")}
            constraintText={t("canaryHelp")}
            errorText={draft.canary.trim() === "" ? undefined : rateError(draft.canary, 1)}
          >
            <Input value={draft.canary} placeholder="1" autoComplete={false} onChange={({ detail }) => onChange({ canary: detail.value })} />
          </FormField>
          <FormField label={t("offlineNodes")} constraintText={t("offlineNodesHelp")}>
            <Select
              selectedOption={option(draft.offline)}
              options={CHOICES.map(option)}
              onChange={({ detail }) => onChange({ offline: detail.selectedOption.value as OfflineChoice })}
            />
          </FormField>
        </ColumnLayout>
      </ExpandableSection>
    </Container>
  );
}
