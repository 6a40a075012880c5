import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { useCommonTexts } from "@/components/texts";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { EMPTY_FILTER, isEmpty } from "@/platform/filter";
import { usePages } from "@/platform/pages";
import { useView } from "@/platform/useView";
import { type Parameter, deleteParameter, listParameters } from "./api";
import { ParameterFilter } from "./ParameterFilter";
import { parameterColumns } from "./parameterColumns";
import { useParameterTexts } from "./texts";

export default function ParametersPage() {
  const t = useParameterTexts();
  const common = useCommonTexts();
  const notify = useNotify();
  const list = useList("parameters");
  const [view, changeView] = useView(list);
  const [selected, setSelected] = useState<Parameter[]>([]);
  const [isDeleting, setDeleting] = useState(false);
  const columns = useMemo(() => parameterColumns(t), [t]);
  const pages = usePages<Parameter>({
    queryKey: ["parameters", "list", view.filter],
    fetchPage: (cursor, size, signal) => listParameters({ ...view, size }, cursor, signal),
    size: view.size,
  });
  const chosen = selected[0];
  usePage(t("parameters"));

  const remove = async ({ Name }: Parameter) => {
    await deleteParameter(Name);
    setSelected([]);
    pages.refresh();
    notify({ type: "success", content: t("deleted", { name: Name }) });
  };

  return (
    <>
      <QueryTable
        label={t("parameters")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={(one) => one.Name}
        variant="full-page"
        size={view.size}
        onSize={(size) => changeView({ size })}
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("parametersHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button disabled={!chosen} disabledReason={t("chooseOne")} onClick={() => setDeleting(true)}>
                  {t("delete")}
                </Button>
                <RouteButton to="/parameter-rules">{t("rules")}</RouteButton>
                <RouteButton to="/secret-keys">{t("keys")}</RouteButton>
                <RouteButton to="/parameters/new" variant="primary">
                  {t("create")}
                </RouteButton>
              </SpaceBetween>
            }
          >
            {t("parameters")}
          </Header>
        }
        filter={<ParameterFilter filter={view.filter} onChange={(filter) => changeView({ filter })} />}
        empty={
          isEmpty(view.filter) ? (
            <EmptyState title={t("emptyTitle")} action={<RouteButton to="/parameters/new">{t("create")}</RouteButton>}>
              {t("emptyHelp")}
            </EmptyState>
          ) : (
            <EmptyState
              title={common("nothingFound")}
              action={<Button onClick={() => changeView({ filter: EMPTY_FILTER })}>{common("clearFilter")}</Button>}
            >
              {common("nothingFoundHelp")}
            </EmptyState>
          )
        }
      />
      {isDeleting && chosen && (
        <ConfirmAction
          title={t("deleteTitle")}
          action={t("delete")}
          word={chosen.Name}
          onConfirm={() => remove(chosen)}
          onClose={() => setDeleting(false)}
        >
          {t("deleteText", { name: chosen.Name })}
        </ConfirmAction>
      )}
    </>
  );
}
