import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { useList } from "@/components/useList";
import { useMay } from "@/components/useMay";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import { type KeyRule, deleteTagRule, listTagRules } from "./api";
import { RuleDialog } from "./RuleDialog";
import { textOfType } from "./tagColumns";
import { type Translator, useTagsTexts } from "./texts";
import { TYPES } from "./types";

const ACTIONS = ["roadstead:PutTagRule", "roadstead:DeleteTagRule"] as const;
const keyOf = ({ key }: KeyRule) => key;
/** The list always comes whole. */
const WHOLE: readonly number[] = [];

export default function TagRulesPage() {
  const t = useTagsTexts();
  const notify = useNotify();
  const list = useList("tag-rules", WHOLE);
  const may = useMay({ kind: "tag-rule" }, ACTIONS);
  const [selected, setSelected] = useState<KeyRule[]>([]);
  const [doing, setDoing] = useState<"create" | "edit" | "delete">();
  const columns = useMemo(() => ruleColumns(t), [t]);
  const pages = usePages<KeyRule>({ queryKey: ["tag-rules"], fetchPage: async (_cursor, _size, signal) => ({ items: await listTagRules(signal) }), size: list.size });
  const chosen = selected[0];
  usePage(t("rules"));

  const close = () => setDoing(undefined);
  const onSaved = () => {
    setSelected([]);
    pages.refresh();
  };
  const remove = async ({ key }: KeyRule) => {
    await deleteTagRule(key);
    onSaved();
    notify({ type: "success", content: t("ruleDeleted", { key }) });
  };
  const noChoice = chosen ? undefined : t("ruleChoose");
  const noPut = may("roadstead:PutTagRule");
  const noDelete = may("roadstead:DeleteTagRule") ?? noChoice;

  return (
    <>
      <QueryTable
        label={t("rules")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={keyOf}
        variant="full-page"
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("rulesHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <RouteButton to="/tags?filter=rule%3Dbroken">{t("ruleShow")}</RouteButton>
                <Button disabled={noDelete !== undefined} disabledReason={noDelete} onClick={() => setDoing("delete")}>
                  {t("ruleDelete")}
                </Button>
                <Button disabled={(noPut ?? noChoice) !== undefined} disabledReason={noPut ?? noChoice} onClick={() => setDoing("edit")}>
                  {t("ruleChange")}
                </Button>
                <Button variant="primary" disabled={noPut !== undefined} disabledReason={noPut} onClick={() => setDoing("create")}>
                  {t("ruleCreate")}
                </Button>
              </SpaceBetween>
            }
          >
            {t("rules")}
          </Header>
        }
        empty={<EmptyState title={t("rulesEmpty")}>{t("rulesEmptyHelp")}</EmptyState>}
      />
      {doing === "create" && <RuleDialog rule={undefined} onClose={close} onSaved={onSaved} />}
      {doing === "edit" && chosen && <RuleDialog rule={chosen} onClose={close} onSaved={onSaved} />}
      {doing === "delete" && chosen && (
        <ConfirmAction title={t("ruleDeleteTitle")} action={t("ruleDelete")} onConfirm={() => remove(chosen)} onClose={close}>
          {t("ruleDeleteText", { key: chosen.key })}
        </ConfirmAction>
      )}
    </>
  );
}

function ruleColumns(t: Translator): Column<KeyRule>[] {
  return [
    { id: "key", header: t("ruleKey"), width: 200, isRowHeader: true, cell: ({ key }) => key },
    {
      id: "types",
      header: t("ruleTypes"),
      width: 280,
      cell: ({ types }) => (types.length === TYPES.length ? t("ruleTypesAll") : types.map((type) => textOfType(type, t)).join(", ")),
    },
    { id: "required", header: t("ruleRequired"), width: 110, cell: ({ isRequired }) => t(isRequired ? "yes" : "no") },
    { id: "values", header: t("ruleValues"), width: 320, cell: ({ values }) => (values.length === 0 ? t("ruleAny") : values.join(", ")) },
  ];
}
