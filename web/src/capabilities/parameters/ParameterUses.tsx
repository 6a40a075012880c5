import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { useCommonTexts } from "@/components/texts";
import { TimeAgo } from "@/components/TimeAgo";
import { auditOf } from "@/platform/links";
import { type NodeUse, type Parameter, usesQuery } from "./api";
import { type Translator, useParameterTexts } from "./texts";

/** The nodes that have the parameter, in which version, and in which files. */
export function ParameterUses({ parameter }: { parameter: Parameter }) {
  const t = useParameterTexts();
  const common = useCommonTexts();
  const query = useQuery(usesQuery(parameter.Name));
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  const nodes = query.data?.Nodes ?? [];
  const count = query.data?.NodeCount ?? 0;
  const key = parameter.Name.startsWith("/") ? parameter.Name : `/${parameter.Name}`;
  return (
    <Table<NodeUse>
      items={nodes}
      loading={query.isPending}
      loadingText={common("loading")}
      trackBy="NodeId"
      columnDefinitions={columnsOf(t, parameter.Version)}
      wrapLines
      ariaLabels={{ tableLabel: t("onNodes") }}
      empty={
        <EmptyState title={t("usesEmpty")} action={<RouteButton to="/parameter-rules">{t("rules")}</RouteButton>}>
          {t("usesEmptyHelp")}
        </EmptyState>
      }
      header={
        <Header
          counter={`(${count})`}
          description={count > nodes.length ? t("usesMore", { shown: nodes.length, count }) : t("usesHelp")}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <RouteButton to={auditOf(`parameter/${key}`)}>{t("whoRead")}</RouteButton>
              <RouteButton to="/parameter-rules">{t("rules")}</RouteButton>
            </SpaceBetween>
          }
        >
          {t("onNodes")}
        </Header>
      }
    />
  );
}

function columnsOf(t: Translator, latest: number): TableProps.ColumnDefinition<NodeUse>[] {
  return [
    {
      id: "node",
      header: t("node"),
      isRowHeader: true,
      cell: ({ NodeId, NodeName }) => <RouteLink to={`/nodes/${NodeId}?tab=parameters`}>{NodeName || NodeId}</RouteLink>,
    },
    {
      id: "version",
      header: t("givenVersion"),
      cell: ({ Version }) => (Version === latest ? Version : t("behind", { version: Version, latest })),
    },
    { id: "given", header: t("givenAt"), cell: ({ GivenAt }) => <TimeAgo at={GivenAt} /> },
    { id: "files", header: t("usedFiles"), cell: ({ Files }) => (Files.length === 0 ? "–" : Files.map((file) => <div key={file}>{file}</div>)) },
  ];
}
