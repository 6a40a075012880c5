import Header from "@cloudscape-design/components/header";
import { useMemo } from "react";
import { EmptyState } from "@/components/EmptyState";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import { UploadState } from "@/components/uploads/UploadState";
import { useList } from "@/components/useList";
import { usePages } from "@/platform/pages";
import type { Upload } from "@/platform/types";
import { listUploads } from "./api";
import { type Translator, useObjectStoreTexts } from "./texts";

/** What was to be uploaded and what came of it. */
export function UploadLog() {
  const t = useObjectStoreTexts();
  const list = useList("output-uploads");
  const pages = usePages<Upload>({ queryKey: ["output-uploads"], fetchPage: listUploads, size: list.size });
  const { refresh } = pages;
  const columns = useMemo(() => columnsOf(t, refresh), [t, refresh]);
  return (
    <QueryTable
      label={t("log")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={({ CommandId, NodeId }) => `${CommandId}/${NodeId}`}
      header={
        <Header variant="h2" actions={<RefreshButton pages={pages} />}>
          {t("log")}
        </Header>
      }
      empty={<EmptyState title={t("logEmpty")} />}
    />
  );
}

function columnsOf(t: Translator, refresh: () => void): Column<Upload>[] {
  return [
    { id: "queued", header: t("queued"), width: 100, cell: ({ QueuedAt }) => <TimeAgo at={QueuedAt} /> },
    {
      id: "command",
      header: t("command"),
      width: 120,
      isRowHeader: true,
      cell: ({ CommandId, NodeId }) => <RouteLink to={`/commands/${CommandId}?node=${NodeId}`}>{CommandId.slice(0, 8)}</RouteLink>,
    },
    { id: "node", header: t("node"), width: 200, cell: ({ NodeId }) => <RouteLink to={`/nodes/${NodeId}`}>{NodeId}</RouteLink> },
    { id: "bucket", header: t("bucket"), width: 110, cell: ({ Bucket }) => Bucket },
    { id: "state", header: t("state"), width: 150, cell: (upload) => <UploadState upload={upload} onRetried={refresh} /> },
    { id: "error", header: t("error"), width: 260, cell: ({ LastError }) => LastError || "–" },
  ];
}
