import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useCallback, useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { useCommonTexts } from "@/components/texts";
import { TokenFilter } from "@/components/TokenFilter";
import type { TokenKey } from "@/components/tokens";
import { useList } from "@/components/useList";
import { useMay } from "@/components/useMay";
import { usePage } from "@/components/usePage";
import { EMPTY_FILTER, isEmpty } from "@/platform/filter";
import { type CursorPage, usePages } from "@/platform/pages";
import type { Filter } from "@/platform/types";
import { useView } from "@/platform/useView";
import { useRightsChanged } from "./api";
import { type Translator, useRightsTexts } from "./texts";

type Text = Parameters<Translator>[0];

export interface DialogProps<T> {
  /** What to change; nothing: a new one. */
  item: T | undefined;
  onClose: () => void;
  onSaved: () => void;
}

interface Props<T> {
  /** Names the queries, and the list among the preferences. */
  name: "users" | "roles" | "policies" | "groups" | "limits" | "login-rules";
  /** As policies name it. */
  kind: string;
  fetchPage: (cursor: string | undefined, size: number, signal: AbortSignal, filter: Filter) => Promise<CursorPage<T>>;
  /** What the list can be searched by, where its operation can. */
  filterKeys?: readonly TokenKey<Text>[];
  /** The page sizes on offer; none for a list that always comes whole. */
  sizes?: readonly number[];
  nameOf: (item: T) => string;
  /** `open` is for the dialog that changes an item. The same function each time, or the columns are made anew. */
  columns: (t: Translator, open: (item: T) => void) => Column<T>[];
  actions: { create: string; update: string; delete: string };
  remove: (item: T) => Promise<unknown>;
  texts: Record<"title" | "help" | "choose" | "create" | "deleteTitle" | "deleteText" | "deleted" | "empty", Text> & { emptyHelp?: Text };
  /** Why this one can neither be changed nor deleted. */
  fixed?: (item: T) => string | undefined;
  /** Why this one cannot be deleted now. */
  used?: (item: T) => string | undefined;
  /** Asks for an item's content; without it items have pages of their own, and `make` leads there. */
  dialog?: (props: DialogProps<T>) => ReactNode;
  /** Buttons in place of the one that opens the dialog; `refusal` says why the caller may not make one. */
  make?: (refusal: string | undefined) => ReactNode;
  emptyAction?: ReactNode;
}

/** A list of things with names: one is made or changed in a dialog, and deleted by its name. */
export function NamedList<T>(props: Props<T>) {
  const { name, nameOf, columns: columnsOf, actions, texts, fixed, used, dialog, make, filterKeys, fetchPage } = props;
  const t = useRightsTexts();
  const common = useCommonTexts();
  const notify = useNotify();
  const changed = useRightsChanged();
  const may = useMay({ kind: props.kind }, [...new Set(Object.values(actions))]);
  const list = useList(name, props.sizes);
  const [{ filter }, changeView] = useView(list);
  const [selected, setSelected] = useState<T[]>([]);
  const [doing, setDoing] = useState<"create" | "edit" | "delete">();
  const pages = usePages<T>({
    queryKey: [name, filter],
    fetchPage: (cursor, size, signal) => fetchPage(cursor, size, signal, filter),
    size: list.size,
  });
  const open = useCallback((item: T) => {
    setSelected([item]);
    setDoing("edit");
  }, []);
  const columns = useMemo(() => columnsOf(t, open), [columnsOf, t, open]);
  usePage(t(texts.title));

  // As it is now: a list that was loaded anew may tell otherwise than when it was chosen.
  const chosen = selected[0] && pages.items.find((item) => selected[0] && nameOf(item) === nameOf(selected[0]));
  const close = () => setDoing(undefined);
  const onSaved = () => {
    setSelected([]);
    changed();
  };
  const remove = async (item: T) => {
    await props.remove(item);
    onSaved();
    notify({ type: "success", content: t(texts.deleted, { name: nameOf(item) }) });
  };
  const noChange = chosen === undefined ? t(texts.choose) : fixed?.(chosen);
  const noEdit = may(actions.update) ?? noChange;
  const noDelete = may(actions.delete) ?? noChange ?? (chosen && used?.(chosen));
  const noCreate = may(actions.create);

  return (
    <>
      <QueryTable
        label={t(texts.title)}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={nameOf}
        variant="full-page"
        selectionType="single"
        selected={chosen ? [chosen] : []}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t(texts.help)}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button disabled={noDelete !== undefined} disabledReason={noDelete} onClick={() => setDoing("delete")}>
                  {t("delete")}
                </Button>
                {dialog && (
                  <Button disabled={noEdit !== undefined} disabledReason={noEdit} onClick={() => setDoing("edit")}>
                    {t("edit")}
                  </Button>
                )}
                {make ? make(noCreate) : (
                  <Button variant="primary" disabled={noCreate !== undefined} disabledReason={noCreate} onClick={() => setDoing("create")}>
                    {t(texts.create)}
                  </Button>
                )}
              </SpaceBetween>
            }
          >
            {t(texts.title)}
          </Header>
        }
        filter={
          filterKeys && (
            <TokenFilter
              label={t("filterLabel")}
              placeholder={t("filterPlaceholder")}
              keys={filterKeys}
              textOf={t}
              filter={filter}
              onChange={(chosenFilter) => changeView({ filter: chosenFilter })}
            />
          )
        }
        empty={
          isEmpty(filter) ? (
            <EmptyState title={t(texts.empty)} action={props.emptyAction}>
              {texts.emptyHelp && t(texts.emptyHelp)}
            </EmptyState>
          ) : (
            <EmptyState title={common("nothingFound")} action={<Button onClick={() => changeView({ filter: EMPTY_FILTER })}>{common("clearFilter")}</Button>}>
              {common("nothingFoundHelp")}
            </EmptyState>
          )
        }
      />
      {doing === "create" && dialog?.({ item: undefined, onClose: close, onSaved })}
      {doing === "edit" && chosen && dialog?.({ item: chosen, onClose: close, onSaved })}
      {doing === "delete" && chosen && (
        <ConfirmAction title={t(texts.deleteTitle)} action={t("delete")} word={nameOf(chosen)} onConfirm={() => remove(chosen)} onClose={close}>
          {t(texts.deleteText, { name: nameOf(chosen) })}
        </ConfirmAction>
      )}
    </>
  );
}
