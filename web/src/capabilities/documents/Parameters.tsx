import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import { EmptyState } from "@/components/EmptyState";
import type { DocumentDescription } from "@/platform/types";
import { useDocumentTexts } from "./texts";

export function Parameters({ description }: { description: DocumentDescription }) {
  const t = useDocumentTexts();
  const items = description.Parameters ?? [];
  return (
    <Table
      header={<Header counter={`(${items.length})`}>{t("parameters")}</Header>}
      items={items}
      trackBy="Name"
      wrapLines
      empty={<EmptyState title={t("noParameters")} />}
      ariaLabels={{ tableLabel: t("parameters") }}
      columnDefinitions={[
        { id: "name", header: t("parameter"), isRowHeader: true, cell: ({ Name }) => <code>{Name}</code> },
        { id: "type", header: t("type"), cell: ({ Type }) => Type },
        { id: "default", header: t("defaultValue"), cell: ({ DefaultValue }) => (DefaultValue === undefined ? t("required") : <code>{DefaultValue || "“”"}</code>) },
        { id: "description", header: t("description"), cell: ({ Description }) => Description ?? "–" },
      ]}
    />
  );
}
