import ColumnLayout from "@cloudscape-design/components/column-layout";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { areSettingsReady, CPU_RANGE, type Draft, isEmptyOrInRange, MEMORY_RANGE, NICE_RANGE, variables } from "./draft";
import { useCommandTexts } from "./texts";

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
}

/** As whom, with which variables and below which ceilings its processes run. */
export function ProcessSettings({ draft, onChange }: Props) {
  const t = useCommandTexts();
  const rangeError = (text: string, range: { min: number; max: number }) =>
    isEmptyOrInRange(text, range) ? undefined : t("timeoutRange", range);
  return (
    <ExpandableSection headerText={t("processes")} defaultExpanded={!areSettingsReady(draft)}>
      <SpaceBetween size="l">
        <ColumnLayout columns={4}>
          <FormField label={t("runAs")} constraintText={t("runAsHelp")}>
            <Input value={draft.user} autoComplete={false} onChange={({ detail }) => onChange({ user: detail.value })} />
          </FormField>
          <FormField label={t("memory")} constraintText={t("memoryHelp")} errorText={rangeError(draft.memory, MEMORY_RANGE)}>
            <Input value={draft.memory} inputMode="numeric" onChange={({ detail }) => onChange({ memory: detail.value })} />
          </FormField>
          <FormField label={t("cpu")} constraintText={t("cpuHelp")} errorText={rangeError(draft.cpu, CPU_RANGE)}>
            <Input value={draft.cpu} inputMode="numeric" onChange={({ detail }) => onChange({ cpu: detail.value })} />
          </FormField>
          <FormField label={t("nice")} constraintText={t("niceHelp")} errorText={rangeError(draft.nice, NICE_RANGE)}>
            <Input value={draft.nice} inputMode="numeric" onChange={({ detail }) => onChange({ nice: detail.value })} />
          </FormField>
        </ColumnLayout>
        <FormField
          label={t("environment")}
          constraintText={t("environmentHelp")}
          errorText={variables(draft.environment) === undefined ? t("environmentError") : undefined}
          stretch
        >
          <Textarea value={draft.environment} rows={3} spellcheck={false} onChange={({ detail }) => onChange({ environment: detail.value })} />
        </FormField>
      </SpaceBetween>
    </ExpandableSection>
  );
}
