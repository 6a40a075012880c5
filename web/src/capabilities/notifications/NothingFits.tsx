import Button from "@cloudscape-design/components/button";
import { EmptyState } from "@/components/EmptyState";
import { useCommonTexts } from "@/components/texts";
import { EMPTY_FILTER } from "@/platform/filter";
import type { Filter } from "@/platform/types";

/** There may be something, but nothing that fits the filter. */
export function NothingFits({ onClear }: { onClear: (filter: Filter) => void }) {
  const common = useCommonTexts();
  return (
    <EmptyState title={common("nothingFound")} action={<Button onClick={() => onClear(EMPTY_FILTER)}>{common("clearFilter")}</Button>}>
      {common("nothingFoundHelp")}
    </EmptyState>
  );
}
