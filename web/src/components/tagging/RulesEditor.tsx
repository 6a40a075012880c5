import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import Select from "@cloudscape-design/components/select";
import { useRef, useState } from "react";
import { useCommonTexts } from "@/components/texts";
import { suggestTags } from "./api";
import { ACTIONS, type Action, EMPTY_RULE, type Rule, TAGS_MOST, ruleError } from "./plan";
import type { Translator } from "./texts";

interface Props {
  t: Translator;
  rules: readonly Rule[];
  onChange: (rules: Rule[]) => void;
}

const ACTION_TEXTS = { set: "tagSet", add: "tagAddMissing", remove: "tagTakeAway" } as const;

/** Rows of action, key and value. Keys and values that are in use are suggested. */
export function RulesEditor({ t, rules, onChange }: Props) {
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
            <Suggested t={t} name={common("tagKey")} value={rule.key} onChange={(key) => change(index, { key })} />
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
              t={t}
              name={common("tagValue")}
              tagKey={rule.key.trim()}
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
  t: Translator;
  name: string;
  /** Values of it are suggested; without it, keys. */
  tagKey?: string;
  value: string;
  disabled?: boolean;
  onChange: (value: string) => void;
}

function Suggested({ t, name, tagKey, value, disabled, onChange }: SuggestedProps) {
  const [options, setOptions] = useState<string[]>([]);
  const latest = useRef(0);
  const load = async (prefix: string) => {
    const turn = ++latest.current;
    if (tagKey === "") return;
    const found = await suggestTags(tagKey, prefix);
    if (turn === latest.current) setOptions(found);
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
