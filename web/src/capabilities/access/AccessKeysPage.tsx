import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { TimeAgo } from "@/components/TimeAgo";
import { TimeAt } from "@/components/TimeAt";
import { useAttempt } from "@/components/useAttempt";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import type { AccessKey } from "@/platform/types";
import { deleteAccessKey, listAccessKeys, setAccessKeyStatus } from "./api";
import { CreateKeyDialog } from "./CreateKeyDialog";
import { type Translator, useAccessTexts } from "./texts";

export default function AccessKeysPage() {
  const t = useAccessTexts();
  const notify = useNotify();
  const attempt = useAttempt();
  const [selected, setSelected] = useState<AccessKey[]>([]);
  const [dialog, setDialog] = useState<"create" | "delete">();
  const list = useList("access-keys", []);
  const pages = usePages<AccessKey>({ queryKey: ["access-keys"], fetchPage: (_, __, signal) => listAccessKeys(signal), size: list.size });
  const columns = useMemo(() => keyColumns(t), [t]);
  const chosen = selected[0];
  usePage(t("keysTitle"));

  const remove = async (key: AccessKey) => {
    await deleteAccessKey(key.AccessKeyId);
    setSelected([]);
    pages.refresh();
    notify({ type: "success", content: t("keyDeleted", { id: key.AccessKeyId }) });
  };

  const isOff = chosen?.Status === "Inactive";
  const toggle = async (key: AccessKey) => {
    await setAccessKeyStatus(key.AccessKeyId, isOff ? "Active" : "Inactive");
    setSelected([]);
    pages.refresh();
    notify({ type: "success", content: t(isOff ? "keyEnabled" : "keyDisabled", { id: key.AccessKeyId }) });
  };

  const createButton = (
    <Button variant="primary" onClick={() => setDialog("create")}>
      {t("keyCreate")}
    </Button>
  );
  return (
    <>
      <QueryTable
        label={t("keysTitle")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={(key) => key.AccessKeyId}
        variant="full-page"
        selected={selected}
        selectionType="single"
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("keysHelp")}
            counter={`(${pages.items.length})`}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button disabled={!chosen} disabledReason={t("keyDeleteReason")} onClick={() => chosen && void attempt(() => toggle(chosen))}>
                  {t(isOff ? "keyEnable" : "keyDisable")}
                </Button>
                <Button disabled={!chosen} disabledReason={t("keyDeleteReason")} onClick={() => setDialog("delete")}>
                  {t("keyDelete")}
                </Button>
                {createButton}
              </SpaceBetween>
            }
          >
            {t("keysTitle")}
          </Header>
        }
        empty={
          <EmptyState title={t("keysEmpty")} action={<Button onClick={() => setDialog("create")}>{t("keyCreate")}</Button>}>
            {t("keysEmptyHelp")}
          </EmptyState>
        }
      />
      {dialog === "create" && <CreateKeyDialog onClose={() => setDialog(undefined)} onCreated={pages.refresh} />}
      {dialog === "delete" && chosen && (
        <ConfirmAction
          title={t("keyDeleteTitle")}
          action={t("keyDelete")}
          word={chosen.AccessKeyId}
          onConfirm={() => remove(chosen)}
          onClose={() => setDialog(undefined)}
        >
          {t("keyDeleteText", { id: chosen.AccessKeyId })}
        </ConfirmAction>
      )}
    </>
  );
}

function keyColumns(t: Translator): Column<AccessKey>[] {
  return [
    {
      id: "id",
      header: t("keyId"),
      width: 240,
      isRowHeader: true,
      cell: (key) => (
        <>
          <code>{key.AccessKeyId}</code>
          <Box variant="small" color="text-body-secondary" display="block">
            {key.Description}
          </Box>
        </>
      ),
    },
    { id: "user", header: t("keyUser"), width: 140, cell: (key) => key.UserName },
    { id: "created", header: t("keyCreated"), width: 160, isExtra: true, cell: (key) => <TimeAgo at={key.CreatedAt} /> },
    { id: "expires", header: t("keyExpires"), width: 140, cell: (key) => (key.ExpiresAt === undefined ? t("keyNever") : <TimeAt at={key.ExpiresAt} />) },
    { id: "used", header: t("keyUsed"), width: 170, cell: (key) => <LastUse used={key} t={t} /> },
    { id: "scope", header: t("keyScope"), width: 170, cell: (key) => key.Scope?.join(", ") ?? t("keyScopeAll") },
    { id: "status", header: t("keyStatus"), width: 120, cell: (key) => <KeyStatus status={key.Status} t={t} /> },
  ];
}

function LastUse({ used, t }: { used: AccessKey; t: Translator }) {
  if (used.LastUsedAt === undefined) return t("keyNeverUsed");
  return (
    <>
      <TimeAgo at={used.LastUsedAt} /> {used.LastUsedFrom && t("keyFrom", { address: used.LastUsedFrom })}
    </>
  );
}

function KeyStatus({ status, t }: { status: string; t: Translator }) {
  if (status === "Active") return <StatusIndicator>{t("active")}</StatusIndicator>;
  return <StatusIndicator type="stopped">{t(status === "Expired" ? "expired" : "inactive")}</StatusIndicator>;
}
