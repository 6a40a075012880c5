import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TokenGroup from "@cloudscape-design/components/token-group";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useCommonTexts } from "@/components/texts";
import { TimeAgo } from "@/components/TimeAgo";
import { useAttempt } from "@/components/useAttempt";
import { type Parameter, type ParameterVersion, historyQuery, unlabel } from "./api";
import { CompareDialog } from "./CompareDialog";
import { LabelDialog } from "./LabelDialog";
import { userName } from "./parameterColumns";
import { type Translator, useParameterTexts } from "./texts";

/** The versions that are kept, newest first, with their labels; two of them can be compared. */
export function Versions({ parameter }: { parameter: Parameter }) {
  const t = useParameterTexts();
  const common = useCommonTexts();
  const attempt = useAttempt();
  const client = useQueryClient();
  const query = useQuery(historyQuery(parameter.Name));
  const [selected, setSelected] = useState<ParameterVersion[]>([]);
  const [labelling, setLabelling] = useState<ParameterVersion>();
  const [isComparing, setComparing] = useState(false);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;

  const reload = () => void client.invalidateQueries({ queryKey: ["parameters", parameter.Name] });
  const takeOff = async (version: number, text: string) => {
    await attempt(() => unlabel(parameter.Name, version, text));
    reload();
  };
  const [newer, older] = selected.toSorted((a, b) => b.Version - a.Version);
  return (
    <>
      <Table<ParameterVersion>
        items={query.data ?? []}
        loading={query.isPending}
        loadingText={common("loading")}
        trackBy={(one) => String(one.Version)}
        columnDefinitions={columnsOf(t, setLabelling, (version, text) => void takeOff(version, text))}
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={({ detail }) => setSelected(detail.selectedItems)}
        wrapLines
        ariaLabels={{
          tableLabel: t("versions"),
          selectionGroupLabel: t("versions"),
          allItemsSelectionLabel: () => common("selectAll"),
          itemSelectionLabel: (_, one) => common("selectItem", { name: String(one.Version) }),
        }}
        header={
          <Header
            counter={`(${query.data?.length ?? 0})`}
            description={t("labelsHelp", { example: `${parameter.Name}:prod` })}
            actions={
              <Button disabled={selected.length !== 2} disabledReason={t("compareReason")} onClick={() => setComparing(true)}>
                {t("compare")}
              </Button>
            }
          >
            {t("versions")}
          </Header>
        }
      />
      {labelling && (
        <LabelDialog name={parameter.Name} version={labelling.Version} onClose={() => setLabelling(undefined)} onSaved={reload} />
      )}
      {isComparing && newer && older && <CompareDialog older={older} newer={newer} onClose={() => setComparing(false)} />}
    </>
  );
}

function columnsOf(
  t: Translator,
  onLabel: (version: ParameterVersion) => void,
  onRemove: (version: number, text: string) => void,
): TableProps.ColumnDefinition<ParameterVersion>[] {
  return [
    { id: "version", header: t("version"), isRowHeader: true, cell: (one) => one.Version },
    { id: "value", header: t("value"), cell: (one) => (one.Type === "SecureString" ? t("typeSecureString") : <Shortened text={one.Value} />) },
    {
      id: "labels",
      header: t("labels"),
      cell: ({ Version, Labels }) => (
        <SpaceBetween direction="horizontal" size="xxs" alignItems="center">
          {Labels.length > 0 && (
            <TokenGroup
              items={Labels.map((text) => ({ label: text, dismissLabel: t("labelRemove", { label: text, version: Version }) }))}
              onDismiss={({ detail }) => onRemove(Version, Labels[detail.itemIndex] ?? "")}
            />
          )}
        </SpaceBetween>
      ),
    },
    { id: "changed", header: t("changed"), cell: (one) => <TimeAgo at={one.LastModifiedDate} /> },
    { id: "by", header: t("changedBy"), cell: (one) => userName(one.LastModifiedUser) },
    {
      id: "add",
      header: "",
      cell: (one) => (
        <Button variant="inline-icon" iconName="add-plus" ariaLabel={t("labelAdd", { version: one.Version })} onClick={() => onLabel(one)} />
      ),
    },
  ];
}

const SHORT = 120;

function Shortened({ text }: { text: string }) {
  return <Box variant="code">{text.length > SHORT ? `${text.slice(0, SHORT)} …` : text}</Box>;
}
