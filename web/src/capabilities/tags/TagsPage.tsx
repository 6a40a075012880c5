import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { useCommonTexts } from "@/components/texts";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { EMPTY_FILTER, isEmpty, where } from "@/platform/filter";
import { useLocale } from "@/platform/i18n/locale";
import { usePages } from "@/platform/pages";
import { formatNumber } from "@/platform/time";
import type { Filter, TaggedResource } from "@/platform/types";
import { useView } from "@/platform/useView";
import { searchResources } from "./api";
import { ChoiceLine } from "./ChoiceLine";
import { TagActions } from "./TagActions";
import { tagColumns } from "./tagColumns";
import { TagFilter } from "./TagFilter";
import { useTagsTexts } from "./texts";

const OFFENDERS = where("rule", "eq", "broken");

export default function TagsPage() {
  const t = useTagsTexts();
  const common = useCommonTexts();
  const locale = useLocale();
  const list = useList("resources");
  const [view, changeView] = useView(list);
  const [selected, setSelected] = useState<TaggedResource[]>([]);
  const [allMatching, setAllMatching] = useState(false);
  const columns = useMemo(() => tagColumns(t), [t]);
  const pages = usePages<TaggedResource>({
    queryKey: ["resources", view.filter],
    fetchPage: (cursor, size, signal) => searchResources(view.filter, cursor, size, signal),
    size: view.size,
  });
  usePage(t("editor"));

  const chooseNone = () => {
    setSelected([]);
    setAllMatching(false);
  };
  const find = (filter: Filter) => {
    changeView({ filter });
    setAllMatching(false);
  };

  return (
    <QueryTable
      label={t("resources")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={keyOf}
      nameOf={({ Name }) => Name}
      variant="full-page"
      size={view.size}
      onSize={(size) => changeView({ size })}
      selected={allMatching ? pages.items : selected}
      onSelect={(items) => {
        setSelected(keepOtherPages(selected, items, pages.items));
        setAllMatching(false);
      }}
      header={
        <Header
          variant="h1"
          description={t("editorHelp")}
          counter={pages.total === undefined ? undefined : `(${formatNumber(pages.total, locale)})`}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <RefreshButton pages={pages} />
              <Button onClick={() => find(OFFENDERS)}>{t("offenders")}</Button>
              <RouteButton to="/tag-rules">{t("rules")}</RouteButton>
              <TagActions
                selected={selected}
                allMatching={allMatching ? view.filter : undefined}
                matching={pages.total ?? 0}
                onDone={() => {
                  chooseNone();
                  pages.refresh();
                }}
              />
            </SpaceBetween>
          }
        >
          {t("editor")}
        </Header>
      }
      filter={
        <SpaceBetween size="xs">
          <TagFilter filter={view.filter} count={pages.total} onChange={find} />
          <ChoiceLine
            chosen={selected.length}
            total={pages.total ?? 0}
            allMatching={allMatching}
            onAll={() => setAllMatching(true)}
            onNone={chooseNone}
          />
        </SpaceBetween>
      }
      empty={
        isEmpty(view.filter) ? (
          <EmptyState title={t("emptyTitle")}>{t("emptyHelp")}</EmptyState>
        ) : (
          <EmptyState title={common("nothingFound")} action={<Button onClick={() => find(EMPTY_FILTER)}>{common("clearFilter")}</Button>}>
            {common("nothingFoundHelp")}
          </EmptyState>
        )
      }
    />
  );
}

const keyOf = ({ ResourceARN }: TaggedResource) => ResourceARN;

/** The table reports only what it shows; what was chosen on other pages stays chosen. */
function keepOtherPages(before: readonly TaggedResource[], reported: readonly TaggedResource[], shown: readonly TaggedResource[]): TaggedResource[] {
  const here = new Set(shown.map(keyOf));
  return [...before.filter((one) => !here.has(keyOf(one))), ...reported.filter((one) => here.has(keyOf(one)))];
}
