import Button from "@cloudscape-design/components/button";
import { Suspense, lazy } from "react";
import { piece } from "@/platform/code";
import type { List } from "./useList";
import { useCommonTexts } from "./texts";

// The dialog sorts by drag and drop, which is heavy: the list itself does not wait for it.
const CollectionPreferences = lazy(() => piece(() => import("@cloudscape-design/components/collection-preferences")));

interface Props {
  list: List;
  columns: readonly { id: string; header?: unknown; isRowHeader?: boolean }[];
  display: readonly { id: string; visible: boolean }[];
  size: number;
  onSize: (size: number) => void;
}

/** What is shown of a list: page size, columns and their order, density. */
export function ListPreferences({ list, columns, display, size, onSize }: Props) {
  const t = useCommonTexts();
  return (
    <Suspense fallback={<Button variant="icon" iconName="settings" ariaLabel={t("preferences")} disabled />}>
      <CollectionPreferences
        title={t("preferences")}
        confirmLabel={t("confirm")}
        cancelLabel={t("cancel")}
        preferences={{ pageSize: size, contentDisplay: display, contentDensity: list.chosen.isCompact ? "compact" : "comfortable" }}
        {...(list.sizes.length > 0 && {
          pageSizePreference: { title: t("pageSize"), options: list.sizes.map((value) => ({ value, label: t("pageSizeOption", { count: value }) })) },
        })}
        contentDisplayPreference={{
          title: t("columns"),
          description: t("columnsHelp"),
          options: columns.map(({ id, header, isRowHeader }) => ({
            id,
            label: typeof header === "string" ? header : id,
            alwaysVisible: isRowHeader === true,
          })),
        }}
        contentDensityPreference={{ label: t("compact"), description: t("compactHelp") }}
        onConfirm={({ detail }) => {
          list.choose({
            columns: (detail.contentDisplay ?? display).map(({ id, visible }) => ({ id, visible })),
            isCompact: detail.contentDensity === "compact",
          });
          if (detail.pageSize && detail.pageSize !== size) onSize(detail.pageSize);
        }}
      />
    </Suspense>
  );
}
