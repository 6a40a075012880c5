import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import { useState } from "react";
import { FocusedInput } from "@/components/FocusedInput";
import { FormDialog } from "@/components/FormDialog";
import { TagsEditor } from "@/components/TagsEditor";
import { hasTagErrors } from "@/components/tagRules";
import type { Tag } from "@/platform/types";
import { type NodeRule, putRule } from "./api";
import { useParameterTexts } from "./texts";

interface Props {
  /** The rule that is edited; a new one without it. */
  rule?: NodeRule;
  onClose: () => void;
  onSaved: (rule: NodeRule) => void;
}

/** A rule's fields. The name tells rules apart and stays. */
export function NodeRuleDialog({ rule, onClose, onSaved }: Props) {
  const t = useParameterTexts();
  const [name, setName] = useState(rule?.Name ?? "");
  const [path, setPath] = useState(rule?.Path ?? "/");
  const [isAll, setAll] = useState(rule?.Nodes.All ?? false);
  const [tags, setTags] = useState<Tag[]>(rule?.Nodes.Tags ?? []);
  const [ids, setIds] = useState(rule?.Nodes.NodeIds.join(" ") ?? "");
  const [isWithSecrets, setWithSecrets] = useState(rule?.WithDecryption ?? false);

  const save = async () => {
    if (!isAll && hasTagErrors(tags)) return false;
    const nodes = isAll ? { All: true, Tags: [], NodeIds: [] } : { All: false, Tags: tags, NodeIds: ids.split(/[\s,]+/).filter((id) => id !== "") };
    const whole = { Name: name.trim(), Path: path.trim(), WithDecryption: isWithSecrets, Nodes: nodes };
    await putRule(whole);
    onSaved(whole);
    return true;
  };

  const Name = rule ? Input : FocusedInput;
  return (
    <FormDialog title={rule ? t("ruleEdit") : t("ruleCreate")} action={t("ruleSave")} size="large" onSubmit={save} onClose={onClose}>
      <FormField label={t("ruleName")}>
        <Name value={name} disabled={rule !== undefined} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
      <FormField label={t("path")} constraintText={t("rulePathHelp")}>
        <Input value={path} autoComplete={false} onChange={({ detail }) => setPath(detail.value)} />
      </FormField>
      <Checkbox checked={isWithSecrets} onChange={({ detail }) => setWithSecrets(detail.checked)}>
        {t("ruleSecretsSwitch")}
      </Checkbox>
      <FormField label={t("ruleNodes")}>
        <RadioGroup
          value={isAll ? "all" : "some"}
          items={[
            { value: "some", label: t("ruleSome") },
            { value: "all", label: t("ruleAll") },
          ]}
          onChange={({ detail }) => setAll(detail.value === "all")}
        />
      </FormField>
      {!isAll && (
        <>
          <FormField description={t("ruleTagsNote")} stretch>
            <TagsEditor tags={tags} onChange={setTags} />
          </FormField>
          <FormField label={t("ruleIds")} constraintText={t("ruleIdsHelp")}>
            <Input value={ids} autoComplete={false} onChange={({ detail }) => setIds(detail.value)} />
          </FormField>
        </>
      )}
    </FormDialog>
  );
}
