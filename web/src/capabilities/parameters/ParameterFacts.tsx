import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { TimeAt } from "@/components/TimeAt";
import type { Parameter } from "./api";
import { typeText, userName } from "./parameterColumns";
import { useParameterTexts } from "./texts";
import { ValueView } from "./ValueView";

/** The value, and everything about it. */
export function ParameterFacts({ parameter }: { parameter: Parameter }) {
  const t = useParameterTexts();
  const policies = parameter.Policies.map(({ PolicyType, PolicyStatus, PolicyText }) => (
    <div key={PolicyText}>
      {t("policyStatus", { type: PolicyType, status: t(PolicyStatus === "Pending" ? "policyPending" : "policyFinished") })}
      <div>
        <code>{PolicyText}</code>
      </div>
    </div>
  ));
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{t("value")}</Header>}>
        <ValueView parameter={parameter} />
      </Container>
      <Container header={<Header variant="h2">{t("details")}</Header>}>
        <KeyValuePairs
          columns={3}
          items={[
            { label: t("type"), value: typeText(parameter.Type, t) },
            { label: t("version"), value: parameter.Version },
            { label: t("tier"), value: parameter.Tier },
            { label: t("changed"), value: <TimeAt at={parameter.LastModifiedDate} /> },
            { label: t("changedBy"), value: userName(parameter.LastModifiedUser) },
            { label: t("dataType"), value: code(parameter.DataType) },
            { label: t("key"), value: code(parameter.KeyId ?? undefined) },
            { label: t("pattern"), value: code(parameter.AllowedPattern ?? undefined) },
            { label: t("arn"), value: code(parameter.ARN) },
            { label: t("policies"), value: policies.length > 0 ? <>{policies}</> : t("none") },
          ]}
        />
      </Container>
    </SpaceBetween>
  );
}

function code(text: string | undefined) {
  return text ? <code>{text}</code> : "–";
}
