import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { TimeAgo } from "@/components/TimeAgo";
import { useList } from "@/components/useList";
import { useMay } from "@/components/useMay";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import type { Group } from "@/platform/types";
import { deleteGroup, listGroups } from "./api";
import { GroupDialog } from "./GroupDialog";
import { type Translator, useRightsTexts } from "./texts";

const ACTIONS = ["roadstead:CreateGroup", "roadstead:UpdateGroup", "roadstead:DeleteGroup"] as const;

export default function GroupsPage() {
  const t = useRightsTexts();
  const may = useMay({ kind: "group" }, ACTIONS);
  const notify = useNotify();
  const client = useQueryClient();
  const list = useList("groups");
  const [selected, setSelected] = useState<Group[]>([]);
  const [dialog, setDialog] = useState<"create" | "edit" | "delete">();
  const pages = usePages<Group>({ queryKey: ["groups"], fetchPage: listGroups, size: list.size });
  const columns = useMemo(
    () =>
      groupColumns(t, (group) => {
        setSelected([group]);
        setDialog("edit");
      }),
    [t],
  );
  const chosen = selected[0];
  usePage(t("groups"));

  const close = () => setDialog(undefined);
  const changed = () => {
    setSelected([]);
    void client.invalidateQueries({ queryKey: ["groups"] });
  };
  const remove = async ({ GroupName }: Group) => {
    await deleteGroup(GroupName);
    changed();
    notify({ type: "success", content: t("groupDeleted", { name: GroupName }) });
  };
  const noChoice = chosen ? undefined : t("groupChoose");
  const noEdit = may("roadstead:UpdateGroup") ?? noChoice;
  const noDelete = may("roadstead:DeleteGroup") ?? noChoice;
  const noCreate = may("roadstead:CreateGroup");
  const create = (
    <Button variant="primary" disabled={noCreate !== undefined} disabledReason={noCreate} onClick={() => setDialog("create")}>
      {t("groupCreate")}
    </Button>
  );

  return (
    <>
      <QueryTable
        label={t("groups")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={(group) => group.GroupName}
        variant="full-page"
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("groupsHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button disabled={noDelete !== undefined} disabledReason={noDelete} onClick={() => setDialog("delete")}>
                  {t("delete")}
                </Button>
                <Button disabled={noEdit !== undefined} disabledReason={noEdit} onClick={() => setDialog("edit")}>
                  {t("edit")}
                </Button>
                {create}
              </SpaceBetween>
            }
          >
            {t("groups")}
          </Header>
        }
        empty={<EmptyState title={t("groupsEmpty")}>{t("groupsEmptyHelp")}</EmptyState>}
      />
      {dialog === "create" && <GroupDialog onClose={close} onSaved={changed} />}
      {dialog === "edit" && chosen && <GroupDialog group={chosen} onClose={close} onSaved={changed} />}
      {dialog === "delete" && chosen && (
        <ConfirmAction title={t("groupDeleteTitle")} action={t("delete")} word={chosen.GroupName} onConfirm={() => remove(chosen)} onClose={close}>
          {t("groupDeleteText", { name: chosen.GroupName })}
        </ConfirmAction>
      )}
    </>
  );
}

function groupColumns(t: Translator, onOpen: (group: Group) => void): Column<Group>[] {
  return [
    {
      id: "name",
      header: t("groupName"),
      width: 220,
      isRowHeader: true,
      cell: (group) => (
        <span data-row-open>
          <Button variant="inline-link" onClick={() => onOpen(group)}>
            {group.GroupName}
          </Button>
        </span>
      ),
    },
    { id: "rule", header: t("groupRule"), width: 320, cell: ({ Rule }) => (Rule === undefined ? t("groupListed") : <code>{Rule}</code>) },
    { id: "nodes", header: t("groupNodes"), width: 110, cell: ({ NodeCount }) => NodeCount },
    { id: "description", header: t("description"), width: 240, cell: ({ Description }) => Description || "–" },
    { id: "created", header: t("created"), width: 160, cell: ({ CreatedAt }) => <TimeAgo at={CreatedAt} /> },
  ];
}
