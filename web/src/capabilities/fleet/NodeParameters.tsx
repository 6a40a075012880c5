import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { useCommonTexts } from "@/components/texts";
import { TimeAgo } from "@/components/TimeAgo";
import { parameterAt } from "@/platform/links";
import type { NodeSummary, Result } from "@/platform/types";
import { parametersQuery } from "./api";
import { type Translator, useFleetTexts } from "./texts";

type Described = Result<"Roadstead.DescribeNodeParameters">;
type Held = Described["Parameters"][number];
type File = Described["Files"][number];

/** What the node may read of parameters, what it has, and the files that it makes of it. */
export function NodeParameters({ node }: { node: NodeSummary }) {
  const t = useFleetTexts();
  const common = useCommonTexts();
  const query = useQuery(parametersQuery(node.NodeId));
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  const { Rules = [], Parameters = [], Files = [] } = query.data ?? {};
  const toRules = <RouteButton to="/parameter-rules">{t("parameterRules")}</RouteButton>;
  return (
    <SpaceBetween size="l">
      {Rules.length > 0 && (
        <div>
          <Box variant="awsui-key-label">{t("parameterRulesHere")}</Box>
          {Rules.map((rule) => (
            <div key={rule.Name}>{t("parameterRule", { name: rule.Name, path: rule.Path, secrets: rule.WithDecryption ? "yes" : "no" })}</div>
          ))}
        </div>
      )}
      <Table<Held>
        items={Parameters}
        loading={query.isPending}
        loadingText={common("loading")}
        trackBy="Name"
        columnDefinitions={heldColumns(t)}
        wrapLines
        ariaLabels={{ tableLabel: t("parametersHeld") }}
        empty={
          <EmptyState title={t("parametersNone")} action={toRules}>
            {t("parametersNoneHelp")}
          </EmptyState>
        }
        header={
          <Header counter={`(${Parameters.length})`} actions={Parameters.length > 0 && toRules}>
            {t("parametersHeld")}
          </Header>
        }
      />
      {Files.length > 0 && (
        <Table<File>
          items={Files}
          trackBy="Target"
          columnDefinitions={fileColumns(t)}
          wrapLines
          ariaLabels={{ tableLabel: t("parameterFiles") }}
          header={<Header counter={`(${Files.length})`}>{t("parameterFiles")}</Header>}
        />
      )}
    </SpaceBetween>
  );
}

function heldColumns(t: Translator): TableProps.ColumnDefinition<Held>[] {
  return [
    {
      id: "name",
      header: t("parameter"),
      isRowHeader: true,
      cell: ({ Name, LatestVersion }) => (LatestVersion === undefined ? Name : <RouteLink to={parameterAt(Name, "nodes")}>{Name}</RouteLink>),
    },
    { id: "version", header: t("parameterVersion"), cell: (held) => versionOf(held, t) },
    { id: "given", header: t("parameterGiven"), cell: ({ GivenAt }) => <TimeAgo at={GivenAt} /> },
  ];
}

function versionOf({ Version, LatestVersion }: Held, t: Translator) {
  if (LatestVersion === undefined) return t("parameterGone", { version: Version });
  return LatestVersion === Version ? Version : t("parameterBehind", { version: Version, latest: LatestVersion });
}

function fileColumns(t: Translator): TableProps.ColumnDefinition<File>[] {
  return [
    { id: "file", header: t("parameterFile"), isRowHeader: true, cell: ({ Target }) => Target },
    { id: "names", header: t("parameterNames"), cell: ({ Names }) => Names.join(", ") || "–" },
    {
      id: "state",
      header: t("parameterState"),
      cell: ({ Problem }) =>
        Problem === undefined ? <StatusIndicator>{t("parameterFileGood")}</StatusIndicator> : <StatusIndicator type="error">{Problem}</StatusIndicator>,
    },
  ];
}
