import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { TimeAgo } from "@/components/TimeAgo";
import { useAttempt } from "@/components/useAttempt";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import { type SecretKey, listKeys, rotateKey, setKeyEnabled } from "./api";
import { NewKeyDialog } from "./NewKeyDialog";
import { type Translator, useParameterTexts } from "./texts";

/** A rotation is followed more closely than a list otherwise. */
const WHILE_MOVING_MS = 1500;

export default function SecretKeysPage() {
  const t = useParameterTexts();
  const notify = useNotify();
  const attempt = useAttempt();
  const list = useList("secret-keys", []);
  const [selected, setSelected] = useState<SecretKey[]>([]);
  const [dialog, setDialog] = useState<"create" | "disable">();
  const [isMoving, setMoving] = useState(false);
  const pages = usePages<SecretKey>({
    queryKey: ["secret-keys", "list"],
    fetchPage: async (_, __, signal) => {
      const page = await listKeys(signal);
      setMoving(page.items.some(({ PendingCount }) => PendingCount > 0));
      return page;
    },
    size: 100,
    refetchInterval: isMoving ? WHILE_MOVING_MS : 15_000,
  });
  const columns = useMemo(() => columnsOf(t), [t]);
  const chosen = pages.items.find(({ KeyId }) => KeyId === selected[0]?.KeyId);
  usePage(t("keys"), [
    { text: t("parameters"), href: "/parameters" },
    { text: t("keys"), href: "/secret-keys" },
  ]);

  const setEnabled = async (key: SecretKey, isOn: boolean) => {
    await setKeyEnabled(key, isOn);
    pages.refresh();
  };
  const rotate = async (key: SecretKey) => {
    await rotateKey(key);
    notify({ type: "success", content: t("keyRotated", { alias: key.Alias }) });
    pages.refresh();
  };
  const isEnabled = chosen?.Status === "Enabled";
  return (
    <>
      <QueryTable
        label={t("keys")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={(key) => key.KeyId}
        nameOf={(key) => key.Alias}
        variant="full-page"
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("keysHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button disabled={!chosen} disabledReason={t("keyChoose")} onClick={() => chosen && (isEnabled ? setDialog("disable") : void attempt(() => setEnabled(chosen, true)))}>
                  {chosen && !isEnabled ? t("keyEnable") : t("keyDisable")}
                </Button>
                <Button disabled={!chosen} disabledReason={t("keyChoose")} onClick={() => chosen && void attempt(() => rotate(chosen))}>
                  {t("keyRotate")}
                </Button>
                <Button variant="primary" onClick={() => setDialog("create")}>
                  {t("keyCreate")}
                </Button>
              </SpaceBetween>
            }
          >
            {t("keys")}
          </Header>
        }
        empty={<EmptyState title={t("keysEmpty")}>{t("keysEmptyHelp")}</EmptyState>}
      />
      {dialog === "create" && <NewKeyDialog onClose={() => setDialog(undefined)} onCreated={pages.refresh} />}
      {dialog === "disable" && chosen && (
        <ConfirmAction
          title={t("keyDisableTitle")}
          action={t("keyDisable")}
          word={chosen.Alias}
          onConfirm={() => setEnabled(chosen, false)}
          onClose={() => setDialog(undefined)}
        >
          {t("keyDisableText", { alias: chosen.Alias, count: chosen.ValueCount })}
        </ConfirmAction>
      )}
    </>
  );
}

function columnsOf(t: Translator): Column<SecretKey>[] {
  return [
    { id: "alias", header: t("keyAlias"), width: 260, isRowHeader: true, cell: (key) => <code>{key.Alias}</code> },
    {
      id: "status",
      header: t("keyStatus"),
      width: 130,
      cell: ({ Status }) =>
        Status === "Enabled" ? (
          <StatusIndicator>{t("keyEnabled")}</StatusIndicator>
        ) : (
          <StatusIndicator type="stopped">{t("keyDisabled")}</StatusIndicator>
        ),
    },
    { id: "values", header: t("keyValues"), width: 110, cell: (key) => key.ValueCount },
    {
      id: "pending",
      header: t("keyPending"),
      width: 150,
      cell: ({ PendingCount }) => (PendingCount > 0 ? <StatusIndicator type="in-progress">{PendingCount}</StatusIndicator> : "–"),
    },
    { id: "rotated", header: t("keyRotatedAt"), width: 160, cell: (key) => <TimeAgo at={key.RotatedAt} /> },
    { id: "description", header: t("description"), width: 260, cell: (key) => key.Description || "–" },
  ];
}
