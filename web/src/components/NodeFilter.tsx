import PropertyFilter, { type PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { call } from "@/platform/api";
import type { Filter } from "@/platform/types";
import { NODE_KEYS, TAG_OPERATORS, filterFromQuery, queryFromFilter } from "./nodeTokens";
import { useCommonTexts } from "./texts";
import { strangeProperties } from "./tokens";

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
  count?: number;
}

/** The token filter over nodes; values are suggested by the hub. */
export function NodeFilter({ filter, onChange, count }: Props) {
  const t = useCommonTexts();
  const [options, setOptions] = useState<PropertyFilterProps.FilteringOption[]>([]);
  const [status, setStatus] = useState<"pending" | "loading" | "finished" | "error">("finished");
  const latest = useRef(0);
  const tagKeys = useQuery({
    queryKey: ["node-tag-keys"],
    queryFn: async ({ signal }) => (await call("Roadstead.SuggestValues", { Collection: "node", Key: "tag", Prefix: "" }, signal)).Values,
    staleTime: 60_000,
  });

  const properties = useMemo<PropertyFilterProps.FilteringProperty[]>(() => {
    const tags = new Set([...(tagKeys.data ?? []), ...filter.Terms.flatMap(({ Key }) => (Key.startsWith("tag:") ? [Key.slice(4)] : []))]);
    const plain = NODE_KEYS.map(({ key, text, operators }) => ({
      key,
      propertyLabel: t(text),
      groupValuesLabel: t("filterValues"),
      operators: [...operators],
    }));
    const tagged = [...tags].toSorted().map((key) => ({
      key: `tag:${key}`,
      propertyLabel: t("keyTag", { key }),
      groupValuesLabel: t("filterValues"),
      group: "tags",
      operators: [...TAG_OPERATORS],
    }));
    const known = [...plain, ...tagged];
    return [...known, ...strangeProperties(filter, known, t("filterValues"))];
  }, [t, tagKeys.data, filter]);

  const suggest = async (key: string | undefined, prefix: string) => {
    const turn = ++latest.current;
    if (!key) {
      setStatus("finished");
      return;
    }
    setStatus("loading");
    const answer = await call("Roadstead.SuggestValues", { Collection: "node", Key: key, Prefix: prefix }).catch(() => undefined);
    if (turn !== latest.current) return;
    setOptions((answer?.Values ?? []).map((value) => ({ propertyKey: key, value })));
    setStatus(answer ? "finished" : "error");
  };

  return (
    <PropertyFilter
      query={queryFromFilter(filter)}
      onChange={({ detail }) => onChange(filterFromQuery(detail))}
      filteringProperties={properties}
      customGroupsText={[{ group: "tags", properties: t("filterTags"), values: t("filterValues") }]}
      filteringOptions={options}
      filteringStatusType={status}
      onLoadItems={({ detail }) => void suggest(detail.filteringProperty?.key, detail.filteringText)}
      filteringPlaceholder={t("filterPlaceholder")}
      filteringAriaLabel={t("filterLabel")}
      filteringLoadingText={t("loading")}
      filteringErrorText={t("loadFailed")}
      expandToViewport
      {...(count !== undefined && filter.Terms.length > 0 ? { countText: t("filterMatches", { count }) } : {})}
      i18nStrings={{
        operationAndText: t("filterAnd"),
        operationOrText: t("filterOr"),
        enteredTextLabel: (text) => t("filterUse", { text }),
        allPropertiesLabel: t("filterFree"),
        groupPropertiesText: t("filterProperties"),
        groupValuesText: t("filterValues"),
        operatorsText: t("filterOperators"),
        clearFiltersText: t("clearFilter"),
      }}
    />
  );
}
