import { TokenFilter } from "@/components/TokenFilter";
import type { Filter } from "@/platform/types";
import { AUDIT_KEYS } from "./auditTokens";
import { useAuditTexts } from "./texts";

/** The token filter over the log. */
export function AuditFilter({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const t = useAuditTexts();
  return <TokenFilter label={t("filterLabel")} placeholder={t("filterPlaceholder")} keys={AUDIT_KEYS} textOf={t} filter={filter} onChange={onChange} />;
}
