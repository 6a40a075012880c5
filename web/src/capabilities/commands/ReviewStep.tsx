import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { filterToText } from "@/platform/filter";
import { type Draft, tagTargets } from "./draft";
import { NodeNames } from "./NodeNames";
import { OFFLINE_LABEL } from "./pace";
import { ScriptText } from "./ScriptText";
import { TargetPreview } from "./TargetPreview";
import { useCommandTexts } from "./texts";
import type { Resolved } from "./useResolved";

interface Props {
  draft: Draft;
  resolved: Resolved;
  onEdit: (step: number) => void;
}

export function ReviewStep({ draft, resolved, onEdit }: Props) {
  const t = useCommandTexts();
  const edit = (step: number) => <Button onClick={() => onEdit(step)}>{t("edit")}</Button>;
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header variant="h2" actions={edit(0)}>
            {t("reviewTargets")}
          </Header>
        }
      >
        {draft.kind === "nodes" ? <NodeNames ids={draft.nodes.map(({ id }) => id)} /> : targetText(draft)}
      </Container>
      <TargetPreview resolved={resolved} offline={draft.offline} />
      <Container
        header={
          <Header variant="h2" actions={edit(0)}>
            {t("pace")}
          </Header>
        }
      >
        <KeyValuePairs
          columns={4}
          items={[
            { label: t("concurrency"), value: draft.concurrency },
            { label: t("maxErrors"), value: draft.maxErrors },
            { label: t("canary"), value: draft.canary || t("none") },
            { label: t("offlineNodes"), value: t(OFFLINE_LABEL[draft.offline]) },
          ]}
        />
      </Container>
      <Container
        header={
          <Header variant="h2" actions={edit(1)}>
            {t("reviewScript")}
          </Header>
        }
      >
        <SpaceBetween size="l">
          <ScriptText text={draft.script} />
          <KeyValuePairs
            columns={4}
            items={[
              { label: t("comment"), value: draft.comment || t("none") },
              { label: t("workingDirectory"), value: draft.workingDirectory || t("none") },
              { label: t("deliveryTimeout"), value: t("seconds", { count: draft.deliveryTimeout }) },
              { label: t("executionTimeout"), value: t("seconds", { count: draft.executionTimeout }) },
            ]}
          />
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}

function targetText(draft: Draft): string {
  if (draft.kind === "tags") return tagTargets(draft.tags).map(({ Key, Values }) => `${Key} = ${Values.join(" | ")}`).join(" · ");
  return filterToText(draft.filter);
}
