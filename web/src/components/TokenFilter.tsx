import PropertyFilter from "@cloudscape-design/components/property-filter";
import { useMemo } from "react";
import type { Filter } from "@/platform/types";
import { filterFromQuery, queryFromFilter } from "./nodeTokens";
import { useCommonTexts } from "./texts";
import { type Operator, type TokenKey, strangeProperties, tagKeysOf, withTypedTokens } from "./tokens";

interface Props<Text extends string> {
  label: string;
  placeholder: string;
  keys: readonly TokenKey<Text>[];
  textOf: (text: Text) => string;
  filter: Filter;
  onChange: (filter: Filter) => void;
  /** How tags are compared, where the list can be searched by them. */
  tagOperators?: readonly Operator[];
  /** What a bare word is looked for in. */
  freeText?: string;
  /** All tokens must hold: the operation behind the list knows no "or". */
  isAndOnly?: boolean;
  /** It knows no search for words either. */
  isKeysOnly?: boolean;
}

/** The filter of a list by tokens: those of the command line and of the address. */
export function TokenFilter<Text extends string>({ label, placeholder, keys, textOf, filter, onChange, tagOperators, freeText, isAndOnly = false, isKeysOnly = false }: Props<Text>) {
  const t = useCommonTexts();
  const properties = useMemo(() => {
    const groupValuesLabel = t("filterValues");
    const plain = keys.map(({ key, text, operators, defaultOperator }) => ({
      key,
      propertyLabel: textOf(text),
      groupValuesLabel,
      operators: [...operators],
      ...(defaultOperator ? { defaultOperator } : {}),
    }));
    const tags = tagOperators ? tagKeysOf(filter) : [];
    const tagged = tags.map((key) => ({ key: `tag:${key}`, propertyLabel: t("keyTag", { key }), groupValuesLabel, operators: [...(tagOperators ?? [])] }));
    const known = [...plain, ...tagged];
    return [...known, ...strangeProperties(filter, known, groupValuesLabel)];
  }, [t, keys, textOf, tagOperators, filter]);
  const options = useMemo(() => keys.flatMap(({ key, values = [] }) => values.map((value) => ({ propertyKey: key, value }))), [keys]);
  const query = queryFromFilter(filter);
  const known = useMemo(() => new Set(keys.map(({ key }) => key)), [keys]);
  const take = (changed: Filter) => onChange(withTypedTokens(changed, known, tagOperators !== undefined));

  return (
    <PropertyFilter
      query={isAndOnly ? { ...query, operation: "and" } : query}
      onChange={({ detail }) => take(filterFromQuery(isAndOnly ? { ...detail, operation: "and" } : detail))}
      filteringProperties={properties}
      filteringOptions={options}
      filteringPlaceholder={placeholder}
      filteringAriaLabel={label}
      hideOperations={isAndOnly}
      disableFreeTextFiltering={isKeysOnly}
      expandToViewport
      i18nStrings={{
        operationAndText: t("filterAnd"),
        operationOrText: t("filterOr"),
        enteredTextLabel: (text) => t("filterUse", { text }),
        allPropertiesLabel: freeText ?? t("filterFree"),
        groupPropertiesText: t("filterProperties"),
        groupValuesText: t("filterValues"),
        operatorsText: t("filterOperators"),
        clearFiltersText: t("clearFilter"),
      }}
    />
  );
}
