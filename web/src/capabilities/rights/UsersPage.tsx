import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
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
import type { User } from "@/platform/types";
import { deleteUser, listUsers } from "./api";
import { scopeText } from "./scopes";
import { type Translator, useRightsTexts } from "./texts";
import { UserDialog } from "./UserDialog";

const ACTIONS = ["roadstead:CreateUser", "roadstead:UpdateUser", "roadstead:DeleteUser"] as const;

export default function UsersPage() {
  const t = useRightsTexts();
  const may = useMay({ kind: "user" }, ACTIONS);
  const notify = useNotify();
  const client = useQueryClient();
  const list = useList("users");
  const [selected, setSelected] = useState<User[]>([]);
  const [dialog, setDialog] = useState<"create" | "edit" | "delete">();
  const pages = usePages<User>({ queryKey: ["users"], fetchPage: listUsers, size: list.size });
  const columns = useMemo(
    () =>
      userColumns(t, (user) => {
        setSelected([user]);
        setDialog("edit");
      }),
    [t],
  );
  const chosen = selected[0];
  usePage(t("users"));

  const close = () => setDialog(undefined);
  const changed = () => {
    setSelected([]);
    void client.invalidateQueries({ queryKey: ["users"] });
  };
  const remove = async ({ UserName }: User) => {
    await deleteUser(UserName);
    changed();
    notify({ type: "success", content: t("userDeleted", { name: UserName }) });
  };
  const noChoice = chosen ? undefined : t("userChoose");
  const noEdit = may("roadstead:UpdateUser") ?? noChoice;
  const noDelete = may("roadstead:DeleteUser") ?? noChoice;
  const noCreate = may("roadstead:CreateUser");

  return (
    <>
      <QueryTable
        label={t("users")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={(user) => user.UserName}
        variant="full-page"
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("usersHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button disabled={noDelete !== undefined} disabledReason={noDelete} onClick={() => setDialog("delete")}>
                  {t("delete")}
                </Button>
                <Button disabled={noEdit !== undefined} disabledReason={noEdit} onClick={() => setDialog("edit")}>
                  {t("edit")}
                </Button>
                <Button variant="primary" disabled={noCreate !== undefined} disabledReason={noCreate} onClick={() => setDialog("create")}>
                  {t("userCreate")}
                </Button>
              </SpaceBetween>
            }
          >
            {t("users")}
          </Header>
        }
        empty={<EmptyState title={t("usersEmpty")}>{t("usersEmptyHelp")}</EmptyState>}
      />
      {dialog === "create" && <UserDialog onClose={close} onSaved={changed} />}
      {dialog === "edit" && chosen && <UserDialog user={chosen} onClose={close} onSaved={changed} />}
      {dialog === "delete" && chosen && (
        <ConfirmAction title={t("userDeleteTitle")} action={t("delete")} word={chosen.UserName} onConfirm={() => remove(chosen)} onClose={close}>
          {t("userDeleteText", { name: chosen.UserName })}
        </ConfirmAction>
      )}
    </>
  );
}

function userColumns(t: Translator, onOpen: (user: User) => void): Column<User>[] {
  return [
    {
      id: "name",
      header: t("userName"),
      width: 200,
      isRowHeader: true,
      cell: (user) => (
        <span data-row-open>
          <Button variant="inline-link" onClick={() => onOpen(user)}>
            {user.UserName}
          </Button>
        </span>
      ),
    },
    { id: "roles", header: t("roles"), width: 180, cell: (user) => user.Roles.join(", ") || "–" },
    {
      id: "status",
      header: t("status"),
      width: 130,
      cell: ({ Status }) =>
        Status === "Active" ? <StatusIndicator>{t("active")}</StatusIndicator> : <StatusIndicator type="stopped">{t("disabled")}</StatusIndicator>,
    },
    { id: "scope", header: t("scope"), width: 220, cell: ({ Scope }) => scopeText(Scope) || t("scopeNone") },
    { id: "policies", header: t("policies"), width: 180, cell: ({ Policies }) => Policies.join(", ") || "–" },
    { id: "keys", header: t("accessKeys"), width: 120, cell: ({ AccessKeys }) => AccessKeys },
    { id: "login", header: t("canLogin"), width: 130, isExtra: true, cell: ({ HasPassword }) => t(HasPassword ? "yes" : "no") },
    { id: "description", header: t("description"), width: 220, isExtra: true, cell: ({ Description }) => Description || "–" },
    { id: "created", header: t("created"), width: 150, cell: ({ CreatedAt }) => <TimeAgo at={CreatedAt} /> },
  ];
}
