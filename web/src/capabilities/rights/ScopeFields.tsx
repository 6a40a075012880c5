import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import type { ScopeForm } from "./scopes";
import { useRightsTexts } from "./texts";

interface Props {
  scope: ScopeForm;
  onChange: (scope: ScopeForm) => void;
}

/** What narrows somebody, whatever their roles allow. */
export function ScopeFields({ scope, onChange }: Props) {
  const t = useRightsTexts();
  return (
    <SpaceBetween size="m">
      <FormField label={t("scopeTags")} description={t("scopeTagsHelp")} stretch>
        <Textarea value={scope.tags} rows={2} placeholder={"env=test|dev\nteam=web"} spellcheck={false} onChange={({ detail }) => onChange({ ...scope, tags: detail.value })} />
      </FormField>
      <FormField label={t("scopeGroups")} description={t("scopeGroupsHelp")} stretch>
        <Textarea value={scope.groups} rows={2} spellcheck={false} onChange={({ detail }) => onChange({ ...scope, groups: detail.value })} />
      </FormField>
      <FormField label={t("scopeActions")} description={t("scopeActionsHelp")} stretch>
        <Textarea value={scope.actions} rows={2} placeholder={"ssm:Get*\nssm:List*"} spellcheck={false} onChange={({ detail }) => onChange({ ...scope, actions: detail.value })} />
      </FormField>
    </SpaceBetween>
  );
}
