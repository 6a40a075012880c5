import PropertyFilter from "@cloudscape-design/components/property-filter";
import { useMemo } from "react";
import { filterFromQuery, queryFromFilter } from "@/components/nodeTokens";
import { useCommonTexts } from "@/components/texts";
import type { Filter } from "@/platform/types";
import { AUDIT_KEYS, AUDIT_VALUES } from "./auditTokens";
import { useAuditTexts } from "./texts";

/** The token filter over the log. */
export function AuditFilter({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const t = useAuditTexts();
  const common = useCommonTexts();
  const properties = useMemo(
    () =>
      AUDIT_KEYS.map(({ key, text, operators }) => ({
        key,
        propertyLabel: t(text),
        groupValuesLabel: common("filterValues"),
        operators: [...operators],
        // A time is compared, never equal.
        ...(key === "time" ? { defaultOperator: ">=" as const } : {}),
      })),
    [t, common],
  );
  return (
    <PropertyFilter
      query={queryFromFilter(filter)}
      onChange={({ detail }) => onChange(filterFromQuery(detail))}
      filteringProperties={properties}
      filteringOptions={AUDIT_VALUES}
      filteringPlaceholder={t("filterPlaceholder")}
      filteringAriaLabel={t("filterLabel")}
      expandToViewport
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
