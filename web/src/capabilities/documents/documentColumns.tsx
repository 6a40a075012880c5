import type { Column } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { TagList } from "@/components/TagList";
import { TimeAgo } from "@/components/TimeAgo";
import { documentAt } from "@/platform/links";
import type { DocumentIdentifier } from "@/platform/types";
import { reviewText } from "./reviewText";
import type { Translator } from "./texts";

export function documentColumns(t: Translator): Column<DocumentIdentifier>[] {
  return [
    { id: "name", header: t("name"), width: 300, isRowHeader: true, cell: ({ Name }) => <RouteLink to={documentAt(Name)}>{Name}</RouteLink> },
    { id: "type", header: t("type"), width: 120, cell: ({ DocumentType }) => DocumentType },
    { id: "owner", header: t("owner"), width: 170, cell: ({ Owner }) => Owner },
    { id: "version", header: t("defaultVersion"), width: 110, cell: ({ DocumentVersion }) => DocumentVersion },
    { id: "platforms", header: t("platforms"), width: 150, cell: ({ PlatformTypes }) => PlatformTypes.join(", ") || "–" },
    { id: "created", header: t("created"), width: 140, isExtra: true, cell: ({ CreatedDate }) => <TimeAgo at={CreatedDate} /> },
    { id: "tags", header: t("tags"), width: 180, cell: ({ Tags }) => <TagList tags={Tags ?? []} limit={3} empty="–" /> },
    { id: "author", header: t("author"), width: 130, isExtra: true, cell: ({ Author }) => Author || "–" },
    { id: "format", header: t("format"), width: 100, isExtra: true, cell: ({ DocumentFormat }) => DocumentFormat },
    { id: "schema", header: t("schema"), width: 120, isExtra: true, cell: ({ SchemaVersion }) => SchemaVersion || "–" },
    { id: "target", header: t("targetType"), width: 180, isExtra: true, cell: ({ TargetType }) => TargetType ?? "–" },
    { id: "review", header: t("review"), width: 150, isExtra: true, cell: ({ ReviewStatus }) => reviewText(ReviewStatus, t) },
  ];
}
