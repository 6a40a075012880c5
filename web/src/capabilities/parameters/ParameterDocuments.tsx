import Header from "@cloudscape-design/components/header";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteLink } from "@/components/RouteLink";
import { useCommonTexts } from "@/components/texts";
import { type DocumentUse, documentUsesQuery } from "./api";
import { type Translator, useParameterTexts } from "./texts";

/** The documents that read the parameter when they run. */
export function ParameterDocuments({ name }: { name: string }) {
  const t = useParameterTexts();
  const common = useCommonTexts();
  const query = useQuery(documentUsesQuery(name));
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  const documents = query.data?.Documents ?? [];
  const count = query.data?.DocumentCount ?? 0;
  return (
    <Table<DocumentUse>
      items={documents}
      loading={query.isPending}
      loadingText={common("loading")}
      trackBy="Name"
      columnDefinitions={columnsOf(t)}
      wrapLines
      ariaLabels={{ tableLabel: t("inDocuments") }}
      empty={<EmptyState title={t("inDocumentsEmpty")}>{t("inDocumentsEmptyHelp", { reference: `{{ssm:${name}}}` })}</EmptyState>}
      header={
        <Header
          counter={`(${count})`}
          description={count > documents.length ? t("inDocumentsMore", { shown: documents.length, count }) : t("inDocumentsHelp")}
        >
          {t("inDocuments")}
        </Header>
      }
    />
  );
}

function columnsOf(t: Translator): TableProps.ColumnDefinition<DocumentUse>[] {
  return [
    {
      id: "document",
      header: t("document"),
      isRowHeader: true,
      cell: ({ Name }) => <RouteLink to={`/documents/at/${encodeURIComponent(Name)}`}>{Name}</RouteLink>,
    },
    { id: "version", header: t("version"), cell: ({ DocumentVersion }) => DocumentVersion },
    {
      id: "references",
      header: t("references"),
      cell: ({ References }) => References.map((reference) => <div key={reference}>{`{{${reference}}}`}</div>),
    },
  ];
}
