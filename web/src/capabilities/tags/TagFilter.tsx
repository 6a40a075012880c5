import PropertyFilter, { type PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { TAG_OPERATORS, filterFromQuery, queryFromFilter } from "@/components/nodeTokens";
import { suggestTags } from "@/components/tagging/api";
import { useCommonTexts } from "@/components/texts";
import type { Filter } from "@/platform/types";
import type { en } from "./en";
import { useTagsTexts } from "./texts";
import { TYPES } from "./types";

interface Props {
  filter: Filter;
  count: number | undefined;
  onChange: (filter: Filter) => void;
}

const KEYS: readonly { key: string; text: keyof typeof en; operators: readonly PropertyFilterProps.ComparisonOperator[] }[] = [
  { key: "type", text: "keyType", operators: ["=", "!="] },
  { key: "name", text: "keyName", operators: TAG_OPERATORS },
  { key: "id", text: "keyId", operators: TAG_OPERATORS },
  { key: "key", text: "keyKey", operators: TAG_OPERATORS },
  { key: "rule", text: "keyRule", operators: ["=", "!="] },
];

/** The token filter over resources of every kind; tags are suggested by the hub. */
export function TagFilter({ filter, count, onChange }: Props) {
  const t = useTagsTexts();
  const common = useCommonTexts();
  const [options, setOptions] = useState<PropertyFilterProps.FilteringOption[]>([]);
  const latest = useRef(0);
  const tagKeys = useQuery({ queryKey: ["tag-keys"], queryFn: () => suggestTags(undefined, ""), staleTime: 60_000 });

  const properties = useMemo<PropertyFilterProps.FilteringProperty[]>(() => {
    const groupValuesLabel = common("filterValues");
    const used = filter.Terms.flatMap(({ Key }) => (Key.startsWith("tag:") ? [Key.slice("tag:".length)] : []));
    const tags = [...new Set([...(tagKeys.data ?? []), ...used])].toSorted();
    return [
      ...KEYS.map(({ key, text, operators }) => ({ key, propertyLabel: t(text), groupValuesLabel, operators: [...operators] })),
      ...tags.map((key) => ({
        key: `tag:${key}`,
        propertyLabel: common("keyTag", { key }),
        groupValuesLabel,
        group: "tags",
        operators: [...TAG_OPERATORS],
      })),
    ];
  }, [t, common, tagKeys.data, filter]);

  const fixed = [
    ...TYPES.map(({ value, text }) => ({ propertyKey: "type", value, label: t(text) })),
    { propertyKey: "rule", value: "broken", label: t("broken") },
    { propertyKey: "rule", value: "kept", label: t("keptWord") },
  ];
  const suggest = async (key: string | undefined, prefix: string) => {
    const turn = ++latest.current;
    const values = key === undefined ? [] : await valuesOf(key, prefix);
    if (turn === latest.current) setOptions(values.map((value) => ({ propertyKey: key ?? "", value })));
  };

  return (
    <PropertyFilter
      query={queryFromFilter(filter)}
      onChange={({ detail }) => onChange(filterFromQuery(detail))}
      filteringProperties={properties}
      filteringOptions={[...fixed, ...options]}
      customGroupsText={[{ group: "tags", properties: common("filterTags"), values: common("filterValues") }]}
      onLoadItems={({ detail }) => void suggest(detail.filteringProperty?.key, detail.filteringText)}
      filteringPlaceholder={t("filterPlaceholder")}
      filteringAriaLabel={t("filterLabel")}
      expandToViewport
      {...(count !== undefined && filter.Terms.length > 0 ? { countText: common("filterMatches", { count }) } : {})}
      i18nStrings={{
        operationAndText: common("filterAnd"),
        operationOrText: common("filterOr"),
        enteredTextLabel: (text) => common("filterUse", { text }),
        allPropertiesLabel: common("filterFree"),
        groupPropertiesText: common("filterProperties"),
        groupValuesText: common("filterValues"),
        operatorsText: common("filterOperators"),
        clearFiltersText: common("clearFilter"),
      }}
    />
  );
}

/** What the hub knows of a key that begins so. */
function valuesOf(key: string, prefix: string): Promise<string[]> {
  if (key === "key") return suggestTags(undefined, prefix);
  return key.startsWith("tag:") ? suggestTags(key.slice("tag:".length), prefix) : Promise.resolve([]);
}
