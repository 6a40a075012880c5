import Badge from "@cloudscape-design/components/badge";
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
import { RouteLink } from "@/components/RouteLink";
import { useList } from "@/components/useList";
import { useMay } from "@/components/useMay";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import type { Role } from "@/platform/types";
import { deleteRole, listRoles } from "./api";
import { RoleDialog } from "./RoleDialog";
import { StatementsDialog } from "./StatementsDialog";
import { type Translator, useRightsTexts } from "./texts";

const ACTIONS = ["roadstead:CreateRole", "roadstead:UpdateRole", "roadstead:DeleteRole"] as const;

export default function RolesPage() {
  const t = useRightsTexts();
  const may = useMay({ kind: "role" }, ACTIONS);
  const notify = useNotify();
  const client = useQueryClient();
  const list = useList("roles");
  const [selected, setSelected] = useState<Role[]>([]);
  const [dialog, setDialog] = useState<"create" | "edit" | "delete">();
  const [shown, setShown] = useState<Role>();
  const pages = usePages<Role>({ queryKey: ["roles"], fetchPage: listRoles, size: list.size });
  const columns = useMemo(() => roleColumns(t, setShown), [t]);
  const chosen = selected[0];
  usePage(t("roles"));

  const close = () => setDialog(undefined);
  const changed = () => {
    setSelected([]);
    void client.invalidateQueries({ queryKey: ["roles"] });
  };
  const remove = async ({ RoleName }: Role) => {
    await deleteRole(RoleName);
    changed();
    notify({ type: "success", content: t("roleDeleted", { name: RoleName }) });
  };
  const noChange = chosen === undefined ? t("roleChoose") : chosen.BuiltIn ? t("roleBuiltInReason") : undefined;
  const noEdit = may("roadstead:UpdateRole") ?? noChange;
  const noDelete = may("roadstead:DeleteRole") ?? noChange ?? (chosen && chosen.Users > 0 ? t("roleUsed", { count: chosen.Users }) : undefined);
  const noCreate = may("roadstead:CreateRole");

  return (
    <>
      <QueryTable
        label={t("roles")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={(role) => role.RoleName}
        variant="full-page"
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("rolesHelp")}
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
                  {t("roleCreate")}
                </Button>
              </SpaceBetween>
            }
          >
            {t("roles")}
          </Header>
        }
        empty={<EmptyState title={t("rolesEmpty")} />}
      />
      {shown?.Document && <StatementsDialog title={shown.RoleName} document={shown.Document} onClose={() => setShown(undefined)} />}
      {dialog === "create" && <RoleDialog onClose={close} onSaved={changed} />}
      {dialog === "edit" && chosen && <RoleDialog role={chosen} onClose={close} onSaved={changed} />}
      {dialog === "delete" && chosen && (
        <ConfirmAction title={t("roleDeleteTitle")} action={t("delete")} word={chosen.RoleName} onConfirm={() => remove(chosen)} onClose={close}>
          {t("roleDeleteText", { name: chosen.RoleName })}
        </ConfirmAction>
      )}
    </>
  );
}

function roleColumns(t: Translator, onShow: (role: Role) => void): Column<Role>[] {
  return [
    {
      id: "name",
      header: t("roleName"),
      width: 200,
      isRowHeader: true,
      cell: (role) => (
        <span data-row-open>
          {role.Document ? (
            <Button variant="inline-link" onClick={() => onShow(role)}>
              {role.RoleName}
            </Button>
          ) : (
            role.RoleName
          )}{" "}
          {role.BuiltIn && <Badge>{t("builtIn")}</Badge>}
        </span>
      ),
    },
    { id: "description", header: t("description"), width: 360, cell: ({ Description }) => Description || "–" },
    {
      id: "policies",
      header: t("policies"),
      width: 220,
      cell: ({ Policies }) =>
        Policies.length === 0
          ? "–"
          : Policies.map((name, index) => (
              <span key={name}>
                {index > 0 && ", "}
                <RouteLink to={`/policies/${name}`}>{name}</RouteLink>
              </span>
            )),
    },
    { id: "users", header: t("users"), width: 100, cell: ({ Users }) => Users },
  ];
}
