import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { NodeFilter } from "@/components/NodeFilter";
import type { Draft, TargetKind } from "./draft";
import { NodePicker } from "./NodePicker";
import { PaceSettings } from "./PaceSettings";
import { TagTargets } from "./TagTargets";
import { TargetPreview } from "./TargetPreview";
import { useCommandTexts } from "./texts";
import type { Resolved } from "./useResolved";

interface Props {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  resolved: Resolved;
  showErrors: boolean;
}

export function TargetsStep({ draft, onChange, resolved, showErrors }: Props) {
  const t = useCommandTexts();
  const error = showErrors && !resolved.isChosen ? t("targetsNeeded") : undefined;
  return (
    <SpaceBetween size="l">
      <Container>
        <SpaceBetween size="l">
          <FormField label={t("targetKind")} stretch>
            <Tiles
              value={draft.kind}
              columns={3}
              onChange={({ detail }) => onChange({ kind: detail.value as TargetKind })}
              items={[
                { value: "nodes", label: t("byNodes"), description: t("byNodesHelp") },
                { value: "tags", label: t("byTags"), description: t("byTagsHelp") },
                { value: "filter", label: t("byFilter"), description: t("byFilterHelp") },
              ]}
            />
          </FormField>
          {draft.kind === "nodes" && <NodePicker nodes={draft.nodes} onChange={(nodes) => onChange({ nodes })} error={error} />}
          {draft.kind === "tags" && <TagTargets rows={draft.tags} onChange={(tags) => onChange({ tags })} error={error} />}
          {draft.kind === "filter" && (
            <FormField label={t("filterLabel")} constraintText={t("filterNone")} errorText={error} stretch>
              <NodeFilter filter={draft.filter} onChange={(filter) => onChange({ filter })} />
            </FormField>
          )}
        </SpaceBetween>
      </Container>
      <TargetPreview resolved={resolved} offline={draft.offline} />
      <PaceSettings draft={draft} onChange={onChange} />
    </SpaceBetween>
  );
}
