import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Column } from "@/components/QueryTable";
import { TimeAgo } from "@/components/TimeAgo";
import type { User } from "@/platform/types";
import { deleteUser, listUsers } from "./api";
import { NamedList } from "./NamedList";
import { scopeText } from "./scopes";
import type { Translator } from "./texts";
import { UserDialog } from "./UserDialog";

const ACTIONS = { create: "roadstead:CreateUser", update: "roadstead:UpdateUser", delete: "roadstead:DeleteUser" } as const;
const TEXTS = {
  title: "users",
  help: "usersHelp",
  choose: "userChoose",
  create: "userCreate",
  deleteTitle: "userDeleteTitle",
  deleteText: "userDeleteText",
  deleted: "userDeleted",
  empty: "usersEmpty",
  emptyHelp: "usersEmptyHelp",
} as const;

export default function UsersPage() {
  return (
    <NamedList<User>
      name="users"
      kind="user"
      fetchPage={listUsers}
      nameOf={nameOf}
      columns={userColumns}
      actions={ACTIONS}
      remove={({ UserName }) => deleteUser(UserName)}
      texts={TEXTS}
      dialog={({ item, ...rest }) => <UserDialog user={item} {...rest} />}
    />
  );
}

const nameOf = ({ UserName }: User) => UserName;

function userColumns(t: Translator, onOpen: (user: User) => void): Column<User>[] {
  return [
    {
      id: "name",
      header: t("userName"),
      width: 160,
      isRowHeader: true,
      cell: (user) => (
        <span data-row-open>
          <Button variant="inline-link" onClick={() => onOpen(user)}>
            {user.UserName}
          </Button>
        </span>
      ),
    },
    { id: "roles", header: t("roles"), width: 140, cell: (user) => user.Roles.join(", ") || "–" },
    {
      id: "status",
      header: t("status"),
      width: 120,
      cell: ({ Status }) =>
        Status === "Active" ? <StatusIndicator>{t("active")}</StatusIndicator> : <StatusIndicator type="stopped">{t("disabled")}</StatusIndicator>,
    },
    { id: "scope", header: t("scope"), width: 180, cell: ({ Scope }) => scopeText(Scope) || t("scopeNone") },
    { id: "policies", header: t("policies"), width: 140, cell: ({ Policies }) => Policies.join(", ") || "–" },
    { id: "keys", header: t("accessKeys"), width: 125, cell: ({ AccessKeys }) => AccessKeys },
    { id: "login", header: t("canLogin"), width: 130, isExtra: true, cell: ({ HasPassword }) => t(HasPassword ? "yes" : "no") },
    { id: "description", header: t("description"), width: 220, isExtra: true, cell: ({ Description }) => Description || "–" },
    { id: "created", header: t("created"), width: 140, cell: ({ CreatedAt }) => <TimeAgo at={CreatedAt} /> },
  ];
}
