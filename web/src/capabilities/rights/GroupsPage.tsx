import Button from "@cloudscape-design/components/button";
import type { Column } from "@/components/QueryTable";
import { TimeAgo } from "@/components/TimeAgo";
import type { Group } from "@/platform/types";
import { deleteGroup, listGroups } from "./api";
import { GroupDialog } from "./GroupDialog";
import { NamedList } from "./NamedList";
import type { Translator } from "./texts";

const ACTIONS = { create: "roadstead:CreateGroup", update: "roadstead:UpdateGroup", delete: "roadstead:DeleteGroup" } as const;
const TEXTS = {
  title: "groupsTitle",
  help: "groupsHelp",
  choose: "groupChoose",
  create: "groupCreate",
  deleteTitle: "groupDeleteTitle",
  deleteText: "groupDeleteText",
  deleted: "groupDeleted",
  empty: "groupsEmpty",
  emptyHelp: "groupsEmptyHelp",
} as const;

export default function GroupsPage() {
  return (
    <NamedList<Group>
      name="groups"
      kind="group"
      fetchPage={listGroups}
      nameOf={nameOf}
      columns={groupColumns}
      actions={ACTIONS}
      remove={({ GroupName }) => deleteGroup(GroupName)}
      texts={TEXTS}
      dialog={({ item, ...rest }) => <GroupDialog group={item} {...rest} />}
    />
  );
}

const nameOf = ({ GroupName }: Group) => GroupName;

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
    { id: "rule", header: t("groupRule"), width: 320, cell: ({ Rule, Query }) => (Rule === undefined && Query === undefined ? t("groupListed") : <code>{Rule ?? Query}</code>) },
    { id: "nodes", header: t("groupNodes"), width: 110, cell: ({ NodeCount }) => NodeCount },
    { id: "description", header: t("description"), width: 240, cell: ({ Description }) => Description || "–" },
    { id: "created", header: t("created"), width: 160, cell: ({ CreatedAt }) => <TimeAgo at={CreatedAt} /> },
  ];
}
