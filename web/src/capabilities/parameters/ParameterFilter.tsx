import PropertyFilter, { type PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import { useMemo } from "react";
import { filterFromQuery, queryFromFilter } from "@/components/nodeTokens";
import { useCommonTexts } from "@/components/texts";
import type { Filter } from "@/platform/types";
import { useParameterTexts } from "./texts";
import { KEYS, withOneOperator } from "./tokens";

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

/** The token filter over parameters. All tokens must hold; upstream's filters know no "or" between keys. */
export function ParameterFilter({ filter, onChange }: Props) {
  const t = useParameterTexts();
  const common = useCommonTexts();
  const properties = useMemo<PropertyFilterProps.FilteringProperty[]>(() => {
    const plain = KEYS.map(({ key, text, operators }) => ({
      key,
      propertyLabel: t(text),
      groupValuesLabel: common("filterValues"),
      operators: [...operators],
    }));
    const tags = new Set(filter.Terms.flatMap(({ Key }) => (Key.startsWith("tag:") ? [Key] : [])));
    const tagged = [...tags].map((key) => ({
      key,
      propertyLabel: t("anyTag", { key: key.slice("tag:".length) }),
      groupValuesLabel: common("filterValues"),
      operators: ["=", "^"] as const,
    }));
    return [...plain, ...tagged.map((one) => ({ ...one, operators: [...one.operators] }))];
  }, [t, common, filter]);
  const options = KEYS.flatMap(({ key, values }) => (values ?? []).map((value) => ({ propertyKey: key, value })));

  return (
    <PropertyFilter
      query={{ ...queryFromFilter(filter), operation: "and" }}
      onChange={({ detail }) => onChange(withOneOperator(withTags(filterFromQuery({ ...detail, operation: "and" }))))}
      filteringProperties={properties}
      filteringOptions={options}
      filteringPlaceholder={t("filterPlaceholder")}
      filteringAriaLabel={t("filterLabel")}
      hideOperations
      expandToViewport
      i18nStrings={{
        operationAndText: common("filterAnd"),
        operationOrText: common("filterOr"),
        enteredTextLabel: (text) => common("filterUse", { text }),
        allPropertiesLabel: t("name"),
        groupPropertiesText: common("filterProperties"),
        groupValuesText: common("filterValues"),
        operatorsText: common("filterOperators"),
        clearFiltersText: common("clearFilter"),
      }}
    />
  );
}

/** `tag:env=prod` typed as free text is meant as that tag. */
function withTags(filter: Filter): Filter {
  const terms = filter.Terms.map((term) => {
    const typed = /^tag:([^=^]+)(?:([=^])(.*))?$/.exec(term.Value);
    if (term.Key !== "text" || !typed) return term;
    const [, key = "", symbol, value = ""] = typed;
    return { Key: `tag:${key}`, Op: symbol === "=" ? ("eq" as const) : ("prefix" as const), Value: value };
  });
  return { ...filter, Terms: terms };
}
