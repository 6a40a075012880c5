import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { tagText } from "@/components/TagList";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import { type NodeRule, deleteRule, listRules } from "./api";
import { NodeRuleDialog } from "./NodeRuleDialog";
import { type Translator, useParameterTexts } from "./texts";

/** Which nodes may read which paths. */
export default function NodeRulesPage() {
  const t = useParameterTexts();
  const notify = useNotify();
  const list = useList("parameter-rules", []);
  const [selected, setSelected] = useState<NodeRule[]>([]);
  const [dialog, setDialog] = useState<"create" | "edit" | "delete">();
  const pages = usePages<NodeRule>({
    queryKey: ["parameter-rules"],
    fetchPage: (_, __, signal) => listRules(signal),
    size: 500,
  });
  const columns = useMemo(() => columnsOf(t), [t]);
  const chosen = pages.items.find(({ Name }) => Name === selected[0]?.Name);
  usePage(t("rules"), [
    { text: t("parameters"), href: "/parameters" },
    { text: t("rules"), href: "/parameter-rules" },
  ]);

  const saved = (rule: NodeRule) => {
    notify({ type: "success", content: t("ruleSaved", { name: rule.Name }) });
    pages.refresh();
  };
  const remove = async (rule: NodeRule) => {
    await deleteRule(rule);
    notify({ type: "success", content: t("ruleDeleted", { name: rule.Name }) });
    setSelected([]);
    pages.refresh();
  };
  const close = () => setDialog(undefined);
  return (
    <>
      <QueryTable
        label={t("rules")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={(rule) => rule.Name}
        nameOf={(rule) => rule.Name}
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
                <Button disabled={!chosen} disabledReason={t("ruleChoose")} onClick={() => setDialog("delete")}>
                  {t("delete")}
                </Button>
                <Button disabled={!chosen} disabledReason={t("ruleChoose")} onClick={() => setDialog("edit")}>
                  {t("ruleEditAction")}
                </Button>
                <Button variant="primary" onClick={() => setDialog("create")}>
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
      {dialog === "create" && <NodeRuleDialog onClose={close} onSaved={saved} />}
      {dialog === "edit" && chosen && <NodeRuleDialog rule={chosen} onClose={close} onSaved={saved} />}
      {dialog === "delete" && chosen && (
        <ConfirmAction title={t("ruleDeleteTitle")} action={t("delete")} word={chosen.Name} onConfirm={() => remove(chosen)} onClose={close}>
          {t("ruleDeleteText", { name: chosen.Name })}
        </ConfirmAction>
      )}
    </>
  );
}

function columnsOf(t: Translator): Column<NodeRule>[] {
  return [
    { id: "name", header: t("ruleName"), width: 200, isRowHeader: true, cell: ({ Name }) => Name },
    { id: "path", header: t("path"), width: 240, cell: ({ Path }) => <code>{Path}</code> },
    {
      id: "nodes",
      header: t("ruleNodes"),
      width: 320,
      cell: ({ Nodes: { All, Tags, NodeIds } }) => (All ? t("ruleAll") : [...Tags.map(tagText), ...NodeIds].join(", ")),
    },
    {
      id: "secrets",
      header: t("ruleSecrets"),
      width: 180,
      cell: ({ WithDecryption }) => t(WithDecryption ? "ruleSecretsGiven" : "ruleSecretsKept"),
    },
  ];
}
