import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Spinner from "@cloudscape-design/components/spinner";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { ErrorState } from "@/components/ErrorState";
import { usePage } from "@/components/usePage";
import { useLocale } from "@/platform/i18n/locale";
import type { Responsibility } from "@/platform/types";
import { responsibilitiesQuery } from "./api";
import { translated } from "./responsibilities";
import { useAuditTexts } from "./texts";

/** Who answers for what: Roadstead, the operator, the owner of a node. */
export default function ResponsibilitiesPage() {
  const t = useAuditTexts();
  const locale = useLocale();
  const query = useQuery(responsibilitiesQuery);
  usePage(t("responsibilities"));
  const table = (rows: readonly Responsibility[]) => (
    <Table
      items={rows.map((row) => translated(row, locale))}
      trackBy="Area"
      wrapLines
      ariaLabels={{ tableLabel: t("responsibilities") }}
      columnDefinitions={[
        { id: "area", header: t("area"), width: "16%", isRowHeader: true, cell: ({ Title }) => Title },
        { id: "roadstead", header: "Roadstead", cell: ({ Roadstead }) => cell(Roadstead) },
        { id: "operator", header: t("operator"), cell: ({ Operator }) => cell(Operator) },
        { id: "owner", header: t("nodeOwner"), cell: ({ NodeOwner }) => cell(NodeOwner) },
      ]}
    />
  );
  const content = () => {
    if (query.error && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return query.data ? table(query.data) : <Spinner size="large" />;
  };
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={t("responsibilitiesHelp")}>
          {t("responsibilities")}
        </Header>
      }
    >
      {content()}
    </ContentLayout>
  );
}

/** A party with nothing to do in an area says so; what stands between back quotes is typed. */
function cell(text: string) {
  return text ? text.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part)) : "–";
}
