import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { DEFAULT_VERSION, parametersQuery, versionsQuery } from "@/components/documents";
import { shownValue } from "@/components/documentParameters";
import { ErrorState } from "@/components/ErrorState";
import { useCommonTexts } from "@/components/texts";
import { DocumentPicker } from "./DocumentPicker";
import type { Draft } from "./draft";
import { ParameterField } from "./ParameterField";
import { useCommandTexts } from "./texts";

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  showErrors: boolean;
}

/** A document, its version, and a form of its parameters. */
export function DocumentFields({ draft, onChange, showErrors }: Props) {
  const t = useCommandTexts();
  const { documentName: name, documentVersion: version } = draft;
  return (
    <SpaceBetween size="l">
      <ColumnLayout columns={2}>
        <DocumentPicker
          name={name}
          error={showErrors && name === "" ? t("documentNeeded") : undefined}
          onChange={(documentName) => onChange({ documentName, documentVersion: DEFAULT_VERSION, values: {} })}
        />
        {name !== "" && <VersionField key={name} name={name} version={version} onChange={(documentVersion) => onChange({ documentVersion })} />}
      </ColumnLayout>
      {name !== "" && <Parameters draft={draft} onChange={onChange} showErrors={showErrors} />}
    </SpaceBetween>
  );
}

interface VersionProps {
  name: string;
  version: string;
  onChange: (version: string) => void;
}

function VersionField({ name, version, onChange }: VersionProps) {
  const t = useCommandTexts();
  const versions = useQuery(versionsQuery(name));
  const options = [
    { value: DEFAULT_VERSION, label: t("versionDefault") },
    ...(versions.data ?? []).map(({ DocumentVersion: value, VersionName }) => ({ value, label: t("versionNumber", { version: value }), description: VersionName })),
  ];
  return (
    <FormField label={t("documentVersion")}>
      <Select
        options={options}
        selectedOption={options.find(({ value }) => value === version) ?? { value: version, label: version }}
        expandToViewport
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? DEFAULT_VERSION)}
      />
    </FormField>
  );
}

function Parameters({ draft, onChange, showErrors }: Props) {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const query = useQuery(parametersQuery(draft.documentName, draft.documentVersion));
  if (query.error) return <ErrorState error={query.error} title={t("documentFailed")} onRetry={() => void query.refetch()} />;
  if (!query.data) return <StatusIndicator type="loading">{common("loading")}</StatusIndicator>;
  if (query.data.length === 0) return <Box color="text-body-secondary">{t("documentPlain")}</Box>;
  return (
    <SpaceBetween size="l">
      {query.data.map((spec) => (
        <ParameterField
          key={spec.name}
          spec={spec}
          value={shownValue(spec, draft.values)}
          showErrors={showErrors}
          onChange={(value) => onChange({ values: { ...draft.values, [spec.name]: value } })}
        />
      ))}
    </SpaceBetween>
  );
}
