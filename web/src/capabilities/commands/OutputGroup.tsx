import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { RouteLink } from "@/components/RouteLink";
import { StatusBadge } from "@/components/StatusBadge";
import { useNodeNames } from "@/components/useNodeNames";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { OutputGroup as Group } from "@/platform/types";
import { plain, shownStep } from "./groupTexts";
import { useCommandTexts } from "./texts";

/** Nodes that ended alike with the same output, and that output, step by step. */
export function OutputGroup({ group, children }: { group: Group; children: ReactNode }) {
  const t = useCommandTexts();
  const locale = useLocale();
  const nameOf = useNodeNames(group.NodeIds);
  const more = group.Count - group.NodeIds.length;
  return (
    <Container
      header={
        <Header
          variant="h3"
          info={<StatusBadge status={group.StatusDetails} />}
          description={group.ExitCode < 0 ? undefined : `${t("exitCode")}: ${group.ExitCode}`}
        >
          {t("groupCount", { count: group.Count })}
        </Header>
      }
    >
      <SpaceBetween size="s">
        {group.Steps.length > 1 ? <Steps group={group} /> : <Streams stdout={plain(group.Stdout)} stderr={plain(group.Stderr)} />}
        {group.Truncated && <Box variant="small">{t("groupTruncated")}</Box>}
        <ul className="node-sample" aria-label={t("groupNodes")}>
          {group.NodeIds.map((id) => (
            <li key={id}>
              <RouteLink to={`?node=${id}`}>{nameOf(id)}</RouteLink>
            </li>
          ))}
          {more > 0 && <li>{t("groupMore", { count: formatNumber(more, locale) })}</li>}
        </ul>
        {children}
      </SpaceBetween>
    </Container>
  );
}

function Steps({ group }: { group: Group }) {
  const t = useCommandTexts();
  const shown = group.Steps.map((step, at) => {
    const name = t("stepName", { number: at + 1, name: step.Name });
    return (
      // oxlint-disable-next-line react/no-array-index-key -- steps keep their places
      <SpaceBetween key={at} size="xxs">
        <div className="output-tools">
          <Box variant="h4">{name}</Box>
          <StatusBadge status={step.StatusDetails} />
        </div>
        <Streams of={name} {...shownStep(step)} />
      </SpaceBetween>
    );
  });
  return <SpaceBetween size="m">{shown}</SpaceBetween>;
}

function Streams({ of, stdout, stderr }: { of?: string; stdout: string; stderr: string }) {
  const t = useCommandTexts();
  const label = (stream: "stdout" | "stderr") => [of, t(stream)].filter(Boolean).join(", ");
  return (
    <SpaceBetween size="xs">
      <Text name={t("stdout")} label={label("stdout")} text={stdout} />
      {stderr !== "" && <Text name={t("stderr")} label={label("stderr")} text={stderr} />}
    </SpaceBetween>
  );
}

function Text({ name, label, text }: { name: string; label: string; text: string }) {
  return (
    <div>
      <Box variant="awsui-key-label">{name}</Box>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
      <pre className="code-block output-text wraps is-small" role="region" aria-label={label} tabIndex={0}>
        {text || " "}
      </pre>
    </div>
  );
}
