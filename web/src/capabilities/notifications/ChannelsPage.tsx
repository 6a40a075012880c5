import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RowActions } from "@/components/RowActions";
import { TokenFilter } from "@/components/TokenFilter";
import { useAttempt } from "@/components/useAttempt";
import { useList } from "@/components/useList";
import { useMay } from "@/components/useMay";
import { usePage } from "@/components/usePage";
import { isEmpty } from "@/platform/filter";
import { usePages } from "@/platform/pages";
import { type Channel, type ChannelDetails, deleteChannel, getChannel, listChannels, testChannel } from "./api";
import { ChannelDialog } from "./ChannelDialog";
import { DeliveryLog } from "./DeliveryLog";
import { NothingFits } from "./NothingFits";
import { type Translator, useNotificationTexts } from "./texts";
import { CHANNEL_KEYS } from "./tokens";
import { useFilter } from "./useFilter";

const PUT = "roadstead:PutNotificationChannel";

export default function ChannelsPage() {
  const t = useNotificationTexts();
  const notify = useNotify();
  const attempt = useAttempt();
  const client = useQueryClient();
  const may = useMay({ kind: "hub" }, [PUT]);
  const list = useList("notification-channels", []);
  const [selected, setSelected] = useState<Channel[]>([]);
  const [edited, setEdited] = useState<ChannelDetails>();
  const [dialog, setDialog] = useState<"put" | "delete">();
  const [isBusy, setBusy] = useState(false);
  const [filter, setFilter] = useFilter("filter");
  const pages = usePages<Channel>({ queryKey: ["notification-channels", "list", filter], fetchPage: (_, __, signal) => listChannels(filter, signal), size: 200 });
  const columns = useMemo(() => columnsOf(t), [t]);
  const chosen = pages.items.find(({ Name }) => Name === selected[0]?.Name);
  usePage(t("title"));

  const refusal = may(PUT);
  const noChange = refusal ?? (chosen ? undefined : t("choose"));
  const edit = async (name: string) => {
    setEdited(await getChannel(name));
    setDialog("put");
  };
  const tryOut = async (name: string) => {
    setBusy(true);
    await attempt(async () => {
      const { State, LastError } = await testChannel(name);
      if (State === "Delivered") notify({ type: "success", content: t("testDone") });
      else notify({ type: "error", content: t("testFailed", { why: LastError ?? "" }) });
    });
    setBusy(false);
    pages.refresh();
    await client.invalidateQueries({ queryKey: ["notifications"] });
  };
  const close = () => setDialog(undefined);
  return (
    <SpaceBetween size="l">
      <QueryTable
        label={t("title")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={({ Name }) => Name}
        selectionType="single"
        selected={chosen ? [chosen] : []}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("help")}
            actions={
              <RowActions
                pages={pages}
                actions={[
                  { text: t("delete"), onClick: () => setDialog("delete") },
                  { text: t("edit"), onClick: () => chosen && void attempt(() => edit(chosen.Name)) },
                  { text: t("test"), onClick: () => chosen && void tryOut(chosen.Name), isBusy },
                ]}
                noChange={noChange}
                create={{
                  text: t("create"),
                  onClick: () => {
                    setEdited(undefined);
                    setDialog("put");
                  },
                }}
                noCreate={refusal}
              />
            }
          >
            {t("title")}
          </Header>
        }
        filter={<TokenFilter label={t("filterLabel")} placeholder={t("filterPlaceholder")} keys={CHANNEL_KEYS} textOf={t} filter={filter} onChange={setFilter} />}
        empty={isEmpty(filter) ? <EmptyState title={t("empty")}>{t("emptyHelp")}</EmptyState> : <NothingFits onClear={setFilter} />}
      />
      {refusal === undefined && <DeliveryLog />}
      {dialog === "put" && <ChannelDialog channel={edited} onClose={close} onSaved={pages.refresh} />}
      {dialog === "delete" && chosen && (
        <ConfirmAction
          title={t("deleteTitle")}
          action={t("delete")}
          word={chosen.Name}
          onConfirm={async () => {
            await deleteChannel(chosen.Name);
            notify({ type: "success", content: t("deleted", { name: chosen.Name }) });
            pages.refresh();
          }}
          onClose={close}
        >
          {t("deleteText", { name: chosen.Name })}
        </ConfirmAction>
      )}
    </SpaceBetween>
  );
}

function columnsOf(t: Translator): Column<Channel>[] {
  return [
    { id: "name", header: t("name"), width: 260, isRowHeader: true, cell: ({ Name }) => Name },
    { id: "kind", header: t("kind"), width: 140, cell: ({ Kind }) => t(Kind === "mail" || Kind === "ntfy" ? Kind : "webhook") },
    { id: "waiting", header: t("waiting"), width: 120, cell: ({ WaitingCount }) => WaitingCount },
    { id: "failed", header: t("failed"), width: 120, cell: ({ FailedCount }) => FailedCount },
  ];
}
