import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import { useTagsTexts } from "./texts";

interface Props {
  chosen: number;
  total: number;
  allMatching: boolean;
  onAll: () => void;
  onNone: () => void;
}

/** Says how many are chosen, on all pages, and offers the rest. */
export function ChoiceLine({ chosen, total, allMatching, onAll, onNone }: Props) {
  const t = useTagsTexts();
  const all = formatNumber(total, useLocale());
  if (chosen === 0 && !allMatching) return null;
  return (
    <div role="status">
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        <span>{allMatching ? t("allChosen", { count: all }) : t("chosen", { count: chosen })}</span>
        {!allMatching && total > chosen && (
          <Button variant="inline-link" onClick={onAll}>
            {t("chooseAll", { count: all })}
          </Button>
        )}
        <Button variant="inline-link" onClick={onNone}>
          {t("clearChoice")}
        </Button>
      </SpaceBetween>
    </div>
  );
}
