import { OFFLINE_REASONS } from "@/components/states";
import { useCommonTexts } from "@/components/texts";
import { TimeAgo } from "@/components/TimeAgo";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { OfflineNode } from "@/platform/types";
import { useCommandTexts } from "./texts";

const SHOWN = 8;

/** Who is offline, since when and why. */
export function OfflineList({ nodes, total }: { nodes: readonly OfflineNode[]; total: number }) {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const locale = useLocale();
  const shown = nodes.slice(0, SHOWN);
  return (
    <ul className="offline-list">
      {shown.map((node) => (
        <li key={node.NodeId}>
          <strong>{node.Name}</strong>
          {node.LastSeenAt !== undefined && (
            <>
              {" · "}
              <TimeAgo at={node.LastSeenAt} />
            </>
          )}
          {node.OfflineReason && ` · ${common(OFFLINE_REASONS[node.OfflineReason])}`}
        </li>
      ))}
      {total > shown.length && <li>{t("previewMore", { count: formatNumber(total - shown.length, locale) })}</li>}
    </ul>
  );
}
