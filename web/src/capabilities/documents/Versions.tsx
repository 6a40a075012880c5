import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { versionsQuery } from "@/components/documents";
import { ErrorState } from "@/components/ErrorState";
import { MayButton } from "@/components/MayButton";
import { useNotify } from "@/components/Notifications";
import { RouteLink } from "@/components/RouteLink";
import { useCommonTexts } from "@/components/texts";
import { TimeAgo } from "@/components/TimeAgo";
import { useAttempt } from "@/components/useAttempt";
import { useMay } from "@/components/useMay";
import { documentAt } from "@/platform/links";
import type { DocumentDescription, DocumentVersion } from "@/platform/types";
import { deleteDocument, setDefaultVersion } from "./api";
import { reviewText } from "./reviewText";
import { isOfLibrary } from "./rules";
import { type Translator, useDocumentTexts } from "./texts";

interface Props {
  description: DocumentDescription;
  onCompare: (older: string, newer: string) => void;
  /** The version on show is no longer there. */
  onGone: () => void;
}

const ACTIONS = ["ssm:UpdateDocumentDefaultVersion", "ssm:DeleteDocument"] as const;

/** All versions, newest first: one becomes the default or is deleted, two are compared. */
export function Versions({ description, onCompare, onGone }: Props) {
  const t = useDocumentTexts();
  const common = useCommonTexts();
  const notify = useNotify();
  const attempt = useAttempt();
  const client = useQueryClient();
  const { Name: name } = description;
  const may = useMay({ kind: "document", id: name }, ACTIONS);
  const query = useQuery(versionsQuery(name));
  const [selected, setSelected] = useState<DocumentVersion[]>([]);
  const [deleting, setDeleting] = useState<DocumentVersion>();
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;

  const reload = () => client.invalidateQueries({ queryKey: ["documents"] });
  const [newer, older] = selected.toSorted((a, b) => Number(b.DocumentVersion) - Number(a.DocumentVersion));
  const one = selected.length === 1 ? query.data?.find(({ DocumentVersion: version }) => version === newer?.DocumentVersion) : undefined;
  const fixed = isOfLibrary(description) ? t("libraryReason") : undefined;
  const noChange = fixed ?? (one ? undefined : t("versionChoose"));
  const noDefault = may("ssm:UpdateDocumentDefaultVersion") ?? noChange ?? (one?.IsDefaultVersion ? t("defaultAlready") : undefined);
  const noDelete = may("ssm:DeleteDocument") ?? noChange ?? (one?.IsDefaultVersion ? t("defaultStays") : undefined);

  const makeDefault = async (version: string) => {
    await setDefaultVersion(name, version);
    notify({ type: "success", content: t("madeDefault", { version }) });
    await reload();
  };
  const remove = async ({ DocumentVersion: version }: DocumentVersion) => {
    await deleteDocument(name, version);
    notify({ type: "success", content: t("versionDeleted", { name, version }) });
    setSelected([]);
    if (version === description.DocumentVersion) onGone();
    // Nothing that was read of this version is asked for again.
    await client.invalidateQueries({ queryKey: ["documents", name], predicate: ({ queryKey }) => queryKey[3] !== version });
  };
  return (
    <>
      <Table<DocumentVersion>
        items={query.data ?? []}
        loading={query.isPending}
        loadingText={common("loading")}
        trackBy={({ DocumentVersion: version }) => version}
        columnDefinitions={columnsOf(t)}
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={({ detail }) => setSelected(detail.selectedItems)}
        wrapLines
        ariaLabels={{
          tableLabel: t("versions"),
          selectionGroupLabel: t("versions"),
          allItemsSelectionLabel: () => common("selectAll"),
          itemSelectionLabel: (_, { DocumentVersion: version }) => common("selectItem", { name: version }),
        }}
        header={
          <Header
            counter={`(${query.data?.length ?? 0})`}
            description={t("versionsHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <MayButton refusal={noDelete} onClick={() => setDeleting(one)}>
                  {t("delete")}
                </MayButton>
                <MayButton refusal={noDefault} onClick={() => one && void attempt(() => makeDefault(one.DocumentVersion))}>
                  {t("makeDefault")}
                </MayButton>
                <Button
                  disabled={selected.length !== 2}
                  disabledReason={t("compareReason")}
                  onClick={() => newer && older && onCompare(older.DocumentVersion, newer.DocumentVersion)}
                >
                  {t("compare")}
                </Button>
              </SpaceBetween>
            }
          >
            {t("versions")}
          </Header>
        }
      />
      {deleting && (
        <ConfirmAction title={t("versionDeleteTitle")} action={t("delete")} word={deleting.DocumentVersion} onConfirm={() => remove(deleting)} onClose={() => setDeleting(undefined)}>
          {t("versionDeleteText", { name, version: deleting.DocumentVersion })}
        </ConfirmAction>
      )}
    </>
  );
}

function columnsOf(t: Translator): TableProps.ColumnDefinition<DocumentVersion>[] {
  return [
    {
      id: "version",
      header: t("version"),
      isRowHeader: true,
      cell: ({ Name, DocumentVersion: version }) => <RouteLink to={documentAt(Name, version)}>{version}</RouteLink>,
    },
    { id: "default", header: t("isDefaultHeader"), cell: ({ IsDefaultVersion }) => (IsDefaultVersion ? t("isDefault") : "–") },
    { id: "name", header: t("versionName"), cell: ({ VersionName }) => VersionName ?? "–" },
    { id: "format", header: t("format"), cell: ({ DocumentFormat }) => DocumentFormat },
    { id: "review", header: t("review"), cell: ({ ReviewStatus }) => reviewText(ReviewStatus, t) },
    { id: "created", header: t("created"), cell: ({ CreatedDate }) => <TimeAgo at={CreatedDate} /> },
  ];
}
