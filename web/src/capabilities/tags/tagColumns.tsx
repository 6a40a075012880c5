import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { TagList } from "@/components/TagList";
import { resourcePath } from "@/components/tagging/paths";
import type { TaggedResource } from "@/platform/types";
import type { Translator } from "./texts";
import { typeText } from "./types";

export function tagColumns(t: Translator): Column<TaggedResource>[] {
  return [
    { id: "name", header: t("name"), width: 260, isRowHeader: true, cell: (one) => <ResourceName resource={one} /> },
    { id: "type", header: t("type"), width: 120, cell: ({ ResourceType }) => textOfType(ResourceType, t) },
    { id: "tags", header: t("tags"), width: 310, cell: ({ Tags }) => <TagList tags={Tags} limit={8} empty={t("noTags")} /> },
    { id: "rules", header: t("state"), width: 240, cell: (one) => <RuleState resource={one} t={t} /> },
    { id: "arn", header: t("arn"), width: 420, isExtra: true, cell: ({ ResourceARN }) => <code>{ResourceARN}</code> },
  ];
}

export function textOfType(type: string, t: Translator): string {
  const key = typeText(type);
  return key ? t(key) : type;
}

function ResourceName({ resource: { ResourceType, ResourceId, Name } }: { resource: TaggedResource }) {
  const path = resourcePath({ type: ResourceType, id: ResourceId });
  return path === undefined ? Name : <RouteLink to={path}>{Name}</RouteLink>;
}

function RuleState({ resource: { MissingKeys, WrongKeys }, t }: { resource: TaggedResource; t: Translator }) {
  if (MissingKeys.length + WrongKeys.length === 0) return <StatusIndicator type="success">{t("kept")}</StatusIndicator>;
  return (
    <>
      {MissingKeys.length > 0 && <StatusIndicator type="warning">{t("missing", { keys: MissingKeys.join(", ") })}</StatusIndicator>}
      {WrongKeys.length > 0 && <StatusIndicator type="warning">{t("wrong", { keys: WrongKeys.join(", ") })}</StatusIndicator>}
    </>
  );
}
