import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import type { Pages } from "@/platform/pages";
import type { Sort } from "@/platform/types";
import { PAGE_SIZES } from "@/platform/view";
import { ErrorState } from "./ErrorState";
import { useCommonTexts } from "./texts";

export type Column<T> = TableProps.ColumnDefinition<T> & { id: string };

interface Props<T> {
  label: string;
  pages: Pages<T>;
  columns: readonly Column<T>[];
  trackBy: (item: T) => string;
  header: ReactNode;
  empty: ReactNode;
  filter?: ReactNode;
  size?: number;
  onSize?: (size: number) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  selected?: readonly T[];
  onSelect?: (items: T[]) => void;
  selectionType?: "single" | "multi";
  nameOf?: (item: T) => string;
  variant?: TableProps.Variant;
  onRowClick?: (item: T) => void;
}

/** A server-paged list with its empty, loading and error states. */
export function QueryTable<T>(props: Props<T>) {
  const { pages, columns, sort, selected } = props;
  const t = useCommonTexts();
  if (pages.error) return <ErrorState error={pages.error} onRetry={pages.refresh} />;
  const sorting = sort && columns.find((column) => column.sortingField === sort.Key);
  const table = (
    <Table<T>
      items={pages.items}
      columnDefinitions={columns}
      trackBy={props.trackBy}
      variant={props.variant ?? "container"}
      loading={pages.isLoading}
      loadingText={t("loading")}
      header={props.header}
      empty={props.empty}
      filter={props.filter}
      resizableColumns
      wrapLines
      stickyHeader={props.variant === "full-page"}
      sortingDisabled={!props.onSort}
      {...(sorting ? { sortingColumn: sorting, sortingDescending: sort.Descending } : {})}
      onSortingChange={({ detail }) =>
        detail.sortingColumn.sortingField && props.onSort?.({ Key: detail.sortingColumn.sortingField, Descending: detail.isDescending ?? false })
      }
      {...(selected ? { selectionType: props.selectionType ?? ("multi" as const), selectedItems: selected } : {})}
      onSelectionChange={({ detail }) => props.onSelect?.(detail.selectedItems)}
      onRowClick={({ detail }) => props.onRowClick?.(detail.item)}
      ariaLabels={{
        tableLabel: props.label,
        selectionGroupLabel: props.label,
        allItemsSelectionLabel: () => t("selectAll"),
        itemSelectionLabel: (_, item) => t("selectItem", { name: props.nameOf?.(item) ?? props.trackBy(item) }),
      }}
      pagination={pages.pagesSeen > 1 || pages.hasMore ? <Pager pages={pages} /> : undefined}
      preferences={props.onSize && <SizePreference size={props.size ?? PAGE_SIZES[0]} onSize={props.onSize} />}
    />
  );
  if (pages.staleError === undefined) return table;
  return (
    <SpaceBetween size="s">
      <ErrorState error={pages.staleError} title={t("refreshFailed")} onRetry={pages.refresh} />
      {table}
    </SpaceBetween>
  );
}

function Pager<T>({ pages }: { pages: Pages<T> }) {
  const t = useCommonTexts();
  return (
    <Pagination
      currentPageIndex={pages.page}
      pagesCount={pages.pagesSeen}
      openEnd={pages.hasMore || pages.page < pages.pagesSeen}
      onChange={({ detail }) => pages.turnTo(detail.currentPageIndex)}
      ariaLabels={{
        nextPageLabel: t("nextPage"),
        previousPageLabel: t("previousPage"),
        pageLabel: (page) => t("pageLabel", { page }),
      }}
    />
  );
}

function SizePreference({ size, onSize }: { size: number; onSize: (size: number) => void }) {
  const t = useCommonTexts();
  return (
    <CollectionPreferences
      title={t("preferences")}
      confirmLabel={t("confirm")}
      cancelLabel={t("cancel")}
      preferences={{ pageSize: size }}
      pageSizePreference={{
        title: t("pageSize"),
        options: PAGE_SIZES.map((value) => ({ value, label: t("pageSizeOption", { count: value }) })),
      }}
      onConfirm={({ detail }) => detail.pageSize && onSize(detail.pageSize)}
    />
  );
}
