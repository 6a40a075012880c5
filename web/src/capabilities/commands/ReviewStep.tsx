import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { filterToText } from "@/platform/filter";
import type { ParameterSpec } from "@/components/documentParameters";
import type { Limits } from "@/platform/types";
import { type Draft, documentName, sendRequest, settingsOf, tagTargets } from "./draft";
import { LimitsNotice } from "./LimitsNotice";
import { usualLogGroup } from "./logGroup";
import { NodeNames } from "./NodeNames";
import { OFFLINE_LABEL } from "./pace";
import { ParameterValues } from "./ParameterValues";
import { ScriptText } from "./ScriptText";
import { settingItems } from "./settings";
import { TargetPreview } from "./TargetPreview";
import { useCommandTexts } from "./texts";
import type { Resolved } from "./useResolved";

interface Props {
  draft: Draft;
  specs: readonly ParameterSpec[];
  resolved: Resolved;
  limits: Limits;
  onEdit: (step: number) => void;
}

export function ReviewStep({ draft, specs, resolved, limits, onEdit }: Props) {
  const t = useCommandTexts();
  const isScript = draft.what === "script";
  const settings = [
    { label: t("comment"), value: draft.comment || t("none") },
    ...(isScript ? [{ label: t("workingDirectory"), value: draft.workingDirectory || t("none") }] : []),
    ...(draft.notify ? [{ label: t("notify"), value: draft.notify }] : []),
    ...(draft.outputPlace.trim() ? [{ label: t("outputPlace"), value: draft.outputPlace.trim() }] : []),
    ...(draft.isLogged ? [{ label: t("logGroup"), value: draft.logGroup.trim() || usualLogGroup(documentName(draft)) }] : []),
    ...settingItems(settingsOf(draft).RunSettings, t),
    { label: t("deliveryTimeout"), value: t("seconds", { count: draft.deliveryTimeout }) },
    ...(isScript ? [{ label: t("executionTimeout"), value: t("seconds", { count: draft.executionTimeout }) }] : []),
  ];
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
      <LimitsNotice limits={limits} total={resolved.data?.Total ?? 0} />
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
          {isScript ? (
            <ScriptText text={draft.script} />
          ) : (
            <ParameterValues document={draft.documentName} version={draft.documentVersion} values={sendRequest(draft, specs).Parameters ?? {}} />
          )}
          <KeyValuePairs columns={4} items={settings} />
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}

function targetText(draft: Draft): string {
  if (draft.kind === "tags") return tagTargets(draft.tags).map(({ Key, Values }) => `${Key} = ${Values.join(" | ")}`).join(" · ");
  return filterToText(draft.filter);
}
