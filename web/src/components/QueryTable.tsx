import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useCallback, useState } from "react";
import { ApiError } from "@/platform/errors";
import type { Pages } from "@/platform/pages";
import type { Sort } from "@/platform/types";
import { displayOf, fitted, widthsOf } from "./columns";
import { ErrorState } from "./ErrorState";
import { ListPreferences } from "./ListPreferences";
import { useCommonTexts } from "./texts";
import type { List } from "./useList";

/** `header` is a plain text wherever the column can be chosen. `isExtra`: shown only when a person asks for it. */
export type Column<T> = TableProps.ColumnDefinition<T> & { id: string; isExtra?: boolean };

interface Props<T> {
  label: string;
  /** Remembers columns, widths, page size and density; without it the table is as the page made it. */
  list?: List;
  pages: Pages<T>;
  columns: readonly Column<T>[];
  trackBy: (item: T) => string;
  header: ReactNode;
  empty: ReactNode;
  filter?: ReactNode;
  /** Page size and its change, where they are not the list's own: in the address, for example. */
  size?: number;
  onSize?: (size: number) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  selected?: readonly T[];
  onSelect?: (items: T[]) => void;
  selectionType?: "single" | "multi";
  nameOf?: (item: T) => string;
  variant?: TableProps.Variant;
}

/** A server-paged list with its empty, loading and error states. */
export function QueryTable<T>(props: Props<T>) {
  const { list, pages, columns, sort, selected } = props;
  const t = useCommonTexts();
  const [room, place] = useRoom((props.variant === "full-page" ? BARE_PX : FRAME_PX) + (selected ? BOXES_PX : 0));
  const sorting = sort && columns.find((column) => column.sortingField === sort.Key);
  const display = displayOf(columns, list?.chosen.columns);
  const widths = fitted(columns, display, room ?? 0);
  const sized = columns.map((column) => ({ ...column, width: list?.chosen.widths?.[column.id] ?? widths.get(column.id) ?? column.width }));
  const table = (
    <Table<T>
      items={pages.error ? [] : pages.items}
      columnDefinitions={sized}
      columnDisplay={display}
      trackBy={props.trackBy}
      variant={props.variant ?? "container"}
      contentDensity={list?.chosen.isCompact ? "compact" : "comfortable"}
      loading={pages.isLoading}
      loadingText={t("loading")}
      header={props.header}
      empty={pages.error ? <ErrorState error={pages.error} onRetry={pages.refresh} /> : props.empty}
      filter={props.filter}
      resizableColumns
      onColumnWidthsChange={({ detail }) => list?.choose({ widths: widthsOf(display, detail.widths, list.chosen.widths) })}
      wrapLines
      stickyHeader={props.variant === "full-page"}
      sortingDisabled={!props.onSort}
      {...(sorting ? { sortingColumn: sorting, sortingDescending: sort.Descending } : {})}
      onSortingChange={({ detail }) =>
        detail.sortingColumn.sortingField && props.onSort?.({ Key: detail.sortingColumn.sortingField, Descending: detail.isDescending ?? false })
      }
      {...(selected ? { selectionType: props.selectionType ?? ("multi" as const), selectedItems: selected } : {})}
      onSelectionChange={({ detail }) => props.onSelect?.(detail.selectedItems)}
      ariaLabels={{
        tableLabel: props.label,
        selectionGroupLabel: props.label,
        allItemsSelectionLabel: () => t("selectAll"),
        itemSelectionLabel: (_, item) => t("selectItem", { name: props.nameOf?.(item) ?? props.trackBy(item) }),
      }}
      pagination={pages.pagesSeen > 1 || pages.hasMore ? <Pager pages={pages} /> : undefined}
      preferences={list && <ListPreferences list={list} columns={columns} display={display} size={props.size ?? list.size} onSize={props.onSize ?? list.setSize} />}
    />
  );
  const isTold = pages.staleError instanceof ApiError && pages.staleError.isUnreachable;
  const isStale = pages.staleError !== undefined && !isTold;
  return (
    <SpaceBetween size="s">
      {isStale && <ErrorState error={pages.staleError} title={t("refreshFailed")} onRetry={pages.refresh} />}
      <div ref={place}>{room !== undefined && table}</div>
    </SpaceBetween>
  );
}

/** What frames a table, alone on its page or in a box, and its column of check boxes. */
const BARE_PX = 16;
const FRAME_PX = 42;
const BOXES_PX = 40;

/** What a table has for its columns, in pixels, less what is beside them; unknown until its place is on the page. It takes widths only when it comes up. */
function useRoom(beside: number): [number | undefined, (place: HTMLElement | null) => void] {
  const [room, setRoom] = useState<number>();
  const measure = useCallback(
    (place: HTMLElement | null) => {
      if (place) setRoom((known) => known ?? (place.clientWidth || window.innerWidth) - beside);
    },
    [beside],
  );
  return [room, measure];
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
