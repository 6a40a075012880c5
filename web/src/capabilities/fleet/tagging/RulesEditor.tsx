import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import Select from "@cloudscape-design/components/select";
import { useRef, useState } from "react";
import { useCommonTexts } from "@/components/texts";
import { call } from "@/platform/api";
import { useFleetTexts } from "../texts";
import { ACTIONS, type Action, EMPTY_RULE, type Rule, TAGS_MOST, ruleError } from "./plan";

interface Props {
  rules: readonly Rule[];
  onChange: (rules: Rule[]) => void;
}

const ACTION_TEXTS = { set: "tagSet", add: "tagAddMissing", remove: "tagTakeAway" } as const;

/** Rows of action, key and value. Keys and values that are in use are suggested. */
export function RulesEditor({ rules, onChange }: Props) {
  const t = useFleetTexts();
  const common = useCommonTexts();
  const change = (index: number, part: Partial<Rule>) => onChange(rules.map((rule, at) => (at === index ? { ...rule, ...part } : rule)));
  const actions = ACTIONS.map((value) => ({ value, label: t(ACTION_TEXTS[value]) }));
  return (
    <AttributeEditor
      items={rules}
      definition={[
        {
          label: t("tagAction"),
          control: (rule, index) => (
            <Select
              ariaLabel={t("tagAction")}
              options={actions}
              selectedOption={actions.find(({ value }) => value === rule.action) ?? null}
              onChange={({ detail }) => change(index, { action: detail.selectedOption.value as Action })}
              expandToViewport
            />
          ),
        },
        {
          label: common("tagKey"),
          control: (rule, index) => (
            <Suggested name={common("tagKey")} collectionKey="tag" value={rule.key} onChange={(key) => change(index, { key })} />
          ),
          errorText: (_, index) => {
            const error = ruleError(rules, index);
            return error && common(error);
          },
        },
        {
          label: common("tagValue"),
          control: (rule, index) => (
            <Suggested
              name={common("tagValue")}
              collectionKey={`tag:${rule.key.trim()}`}
              value={rule.action === "remove" ? "" : rule.value}
              disabled={rule.action === "remove"}
              onChange={(value) => change(index, { value })}
            />
          ),
        },
      ]}
      addButtonText={t("tagMore")}
      removeButtonText={common("tagRemove")}
      disableAddButton={rules.length >= TAGS_MOST}
      isItemRemovable={() => rules.length > 1}
      onAddButtonClick={() => onChange([...rules, EMPTY_RULE])}
      onRemoveButtonClick={({ detail }) => onChange(rules.filter((_, index) => index !== detail.itemIndex))}
    />
  );
}

interface SuggestedProps {
  name: string;
  collectionKey: string;
  value: string;
  disabled?: boolean;
  onChange: (value: string) => void;
}

function Suggested({ name, collectionKey, value, disabled, onChange }: SuggestedProps) {
  const t = useFleetTexts();
  const [options, setOptions] = useState<string[]>([]);
  const latest = useRef(0);
  const load = async (prefix: string) => {
    const turn = ++latest.current;
    if (collectionKey === "tag:") return;
    const answer = await call("Roadstead.SuggestValues", { Collection: "node", Key: collectionKey, Prefix: prefix }).catch(() => undefined);
    if (turn === latest.current) setOptions(answer?.Values ?? []);
  };
  return (
    <Autosuggest
      ariaLabel={name}
      value={value}
      disabled={disabled}
      filteringType="manual"
      options={options.map((option) => ({ value: option }))}
      enteredTextLabel={(text) => t("tagUse", { text })}
      expandToViewport
      onLoadItems={({ detail }) => void load(detail.filteringText)}
      onChange={({ detail }) => onChange(detail.value)}
    />
  );
}
