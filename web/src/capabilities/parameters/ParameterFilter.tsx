import { TokenFilter } from "@/components/TokenFilter";
import type { Filter } from "@/platform/types";
import { useParameterTexts } from "./texts";
import { KEYS, withOneOperator } from "./tokens";

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

const TAG_OPERATORS = ["=", "^"] as const;

/** The token filter over parameters. All tokens must hold; upstream's filters know no "or" between keys. */
export function ParameterFilter({ filter, onChange }: Props) {
  const t = useParameterTexts();
  return (
    <TokenFilter
      label={t("filterLabel")}
      placeholder={t("filterPlaceholder")}
      keys={KEYS}
      textOf={t}
      filter={filter}
      onChange={(changed) => onChange(withOneOperator(changed))}
      tagOperators={TAG_OPERATORS}
      freeText={t("name")}
      isAndOnly
    />
  );
}
