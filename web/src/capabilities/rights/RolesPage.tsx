import Badge from "@cloudscape-design/components/badge";
import Button from "@cloudscape-design/components/button";
import { useCallback, useState } from "react";
import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import type { Role } from "@/platform/types";
import { deleteRole, listRoles } from "./api";
import { roleDescription } from "./builtInRoles";
import { NamedList } from "./NamedList";
import { RoleDialog } from "./RoleDialog";
import { StatementsDialog } from "./StatementsDialog";
import { type Translator, useRightsTexts } from "./texts";

const ACTIONS = { create: "roadstead:CreateRole", update: "roadstead:UpdateRole", delete: "roadstead:DeleteRole" } as const;
const TEXTS = {
  title: "roles",
  help: "rolesHelp",
  choose: "roleChoose",
  create: "roleCreate",
  deleteTitle: "roleDeleteTitle",
  deleteText: "roleDeleteText",
  deleted: "roleDeleted",
  empty: "rolesEmpty",
} as const;

export default function RolesPage() {
  const t = useRightsTexts();
  const [shown, setShown] = useState<Role>();
  const columns = useCallback((translate: Translator, edit: (role: Role) => void) => roleColumns(translate, (role) => (role.Document ? setShown(role) : edit(role))), []);
  return (
    <>
      <NamedList<Role>
        name="roles"
        kind="role"
        fetchPage={listRoles}
        nameOf={nameOf}
        columns={columns}
        actions={ACTIONS}
        remove={({ RoleName }) => deleteRole(RoleName)}
        texts={TEXTS}
        fixed={({ BuiltIn }) => (BuiltIn ? t("roleBuiltInReason") : undefined)}
        used={({ Users }) => (Users > 0 ? t("roleUsed", { count: Users }) : undefined)}
        dialog={({ item, ...rest }) => <RoleDialog role={item} {...rest} />}
      />
      {shown?.Document && <StatementsDialog title={shown.RoleName} document={shown.Document} onClose={() => setShown(undefined)} />}
    </>
  );
}

const nameOf = ({ RoleName }: Role) => RoleName;

function roleColumns(t: Translator, onOpen: (role: Role) => void): Column<Role>[] {
  return [
    {
      id: "name",
      header: t("roleName"),
      width: 200,
      isRowHeader: true,
      cell: (role) => (
        <span data-row-open>
          <Button variant="inline-link" onClick={() => onOpen(role)}>
            {role.RoleName}
          </Button>{" "}
          {role.BuiltIn && <Badge>{t("builtIn")}</Badge>}
        </span>
      ),
    },
    { id: "description", header: t("description"), width: 360, cell: (role) => roleDescription(role, t) || "–" },
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
