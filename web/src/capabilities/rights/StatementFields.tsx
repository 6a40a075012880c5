import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { ChoiceField } from "@/components/ChoiceField";
import type { PolicyOperator } from "@/platform/types";
import { type ConditionForm, EMPTY_CONDITION, EMPTY_RESOURCE, KINDS, OPERATORS, type ResourceForm, type StatementForm } from "./statements";
import { useRightsTexts } from "./texts";

interface Props {
  statement: StatementForm;
  onChange: (statement: StatementForm) => void;
}

/** One statement: what is allowed or denied, on what, and when. */
export function StatementFields({ statement, onChange }: Props) {
  const t = useRightsTexts();
  const change = (part: Partial<StatementForm>) => onChange({ ...statement, ...part });
  const { resources, conditions } = statement;
  return (
    <SpaceBetween size="l">
      <ColumnLayout columns={3}>
        <ChoiceField
          label={t("effect")}
          selectedId={statement.effect}
          options={[
            { id: "Allow", text: t("allow") },
            { id: "Deny", text: t("deny") },
          ]}
          onChange={({ detail }) => change({ effect: detail.selectedId === "Deny" ? "Deny" : "Allow" })}
        />
        <ChoiceField
          label={t("means")}
          selectedId={statement.means}
          options={[
            { id: "actions", text: t("meansThese") },
            { id: "others", text: t("meansOthers") },
          ]}
          onChange={({ detail }) => change({ means: detail.selectedId === "others" ? "others" : "actions" })}
        />
        <FormField label={t("sid")}>
          <Input value={statement.sid} autoComplete={false} onChange={({ detail }) => change({ sid: detail.value })} />
        </FormField>
      </ColumnLayout>
      <FormField label={t("actions")} constraintText={t("actionsHelp")} stretch>
        <Textarea
          value={statement.actions}
          rows={Math.min(Math.max(statement.actions.split("\n").length + 1, 3), 14)}
          placeholder={"ssm:SendCommand\nssm:Get*"}
          spellcheck={false}
          onChange={({ detail }) => change({ actions: detail.value })}
        />
      </FormField>
      {resources.map((resource, index) => (
        <ResourceFields
          key={index} // oxlint-disable-line react/no-array-index-key -- rows have no other identity
          resource={resource}
          onChange={(part) => change({ resources: resources.map((one, at) => (at === index ? { ...one, ...part } : one)) })}
          {...(resources.length > 1 ? { onRemove: () => change({ resources: resources.filter((_, at) => at !== index) }) } : {})}
        />
      ))}
      {conditions.map((condition, index) => (
        <ConditionFields
          key={index} // oxlint-disable-line react/no-array-index-key -- rows have no other identity
          condition={condition}
          onChange={(part) => change({ conditions: conditions.map((one, at) => (at === index ? { ...one, ...part } : one)) })}
          onRemove={() => change({ conditions: conditions.filter((_, at) => at !== index) })}
        />
      ))}
      <SpaceBetween direction="horizontal" size="xs">
        <Button formAction="none" onClick={() => change({ resources: [...resources, EMPTY_RESOURCE] })}>
          {t("resourceAdd")}
        </Button>
        <Button formAction="none" onClick={() => change({ conditions: [...conditions, EMPTY_CONDITION] })}>
          {t("conditionAdd")}
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

interface ResourceProps {
  resource: ResourceForm;
  onChange: (part: Partial<ResourceForm>) => void;
  onRemove?: () => void;
}

function ResourceFields({ resource, onChange, onRemove }: ResourceProps) {
  const t = useRightsTexts();
  const kinds = [...new Set([...KINDS, resource.kind])].map((kind) => ({ value: kind, label: kind === "*" ? t("kindAll") : kind }));
  return (
    <div className="policy-row">
      <ColumnLayout columns={4} minColumnWidth={150}>
        <FormField label={t("kind")}>
          <Select
            options={kinds}
            selectedOption={kinds.find(({ value }) => value === resource.kind) ?? null}
            onChange={({ detail }) => onChange({ kind: detail.selectedOption.value ?? "*" })}
            expandToViewport
          />
        </FormField>
        <FormField label={t("ids")} constraintText={t("idsHelp")}>
          <Input value={resource.ids.replaceAll("\n", ", ")} autoComplete={false} placeholder="*" onChange={({ detail }) => onChange({ ids: detail.value })} />
        </FormField>
        <FormField label={t("tags")} constraintText={t("tagsHelp")}>
          <Input value={resource.tags.replaceAll("\n", ", ")} autoComplete={false} placeholder="env=test|dev" onChange={({ detail }) => onChange({ tags: detail.value })} />
        </FormField>
        <FormField label={t("groups")}>
          <Input value={resource.groups.replaceAll("\n", ", ")} autoComplete={false} onChange={({ detail }) => onChange({ groups: detail.value })} />
        </FormField>
      </ColumnLayout>
      <SpaceBetween direction="horizontal" size="l" alignItems="center">
        <Checkbox checked={resource.own} onChange={({ detail }) => onChange({ own: detail.checked })}>
          {t("own")}
        </Checkbox>
        {onRemove && (
          <Button variant="inline-link" formAction="none" onClick={onRemove}>
            {t("resourceRemove")}
          </Button>
        )}
      </SpaceBetween>
    </div>
  );
}

interface ConditionProps {
  condition: ConditionForm;
  onChange: (part: Partial<ConditionForm>) => void;
  onRemove: () => void;
}

function ConditionFields({ condition, onChange, onRemove }: ConditionProps) {
  const t = useRightsTexts();
  const operators = OPERATORS.map((value) => ({ value, label: t(`operator${value}`) }));
  return (
    <div className="policy-row">
      <ColumnLayout columns={3} minColumnWidth={150}>
        <FormField label={t("conditionKey")} constraintText={t("conditionKeyHelp")}>
          <Input value={condition.key} autoComplete={false} placeholder="tag:env" onChange={({ detail }) => onChange({ key: detail.value })} />
        </FormField>
        <FormField label={t("operator")}>
          <Select
            options={operators}
            selectedOption={operators.find(({ value }) => value === condition.operator) ?? null}
            onChange={({ detail }) => onChange({ operator: detail.selectedOption.value as PolicyOperator })}
            expandToViewport
          />
        </FormField>
        <FormField label={t("conditionValues")}>
          <Input value={condition.values.replaceAll("\n", ", ")} autoComplete={false} onChange={({ detail }) => onChange({ values: detail.value })} />
        </FormField>
      </ColumnLayout>
      <Button variant="inline-link" formAction="none" onClick={onRemove}>
        {t("conditionRemove")}
      </Button>
    </div>
  );
}
