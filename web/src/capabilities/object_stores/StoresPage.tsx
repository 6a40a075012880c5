import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RowActions } from "@/components/RowActions";
import { useAttempt } from "@/components/useAttempt";
import { useList } from "@/components/useList";
import { useMay } from "@/components/useMay";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import { deleteStore, getStore, listStores, type Store, type StoreDetails, testStore } from "./api";
import { StoreDialog } from "./StoreDialog";
import { type Translator, useObjectStoreTexts } from "./texts";
import { UploadLog } from "./UploadLog";

const PUT = "roadstead:PutObjectStore";

export default function StoresPage() {
  const t = useObjectStoreTexts();
  const notify = useNotify();
  const attempt = useAttempt();
  const may = useMay({ kind: "hub" }, [PUT]);
  const list = useList("object-stores", []);
  const [selected, setSelected] = useState<Store[]>([]);
  const [edited, setEdited] = useState<StoreDetails>();
  const [dialog, setDialog] = useState<"put" | "delete">();
  const [isBusy, setBusy] = useState(false);
  const pages = usePages<Store>({ queryKey: ["object-stores", "list"], fetchPage: (_, __, signal) => listStores(signal), size: 20 });
  const columns = useMemo(() => columnsOf(t), [t]);
  const chosen = pages.items.find(({ Name }) => Name === selected[0]?.Name);
  usePage(t("title"));

  const refusal = may(PUT);
  const noChange = refusal ?? (chosen ? undefined : t("choose"));
  const edit = async (name: string) => {
    setEdited(await getStore(name));
    setDialog("put");
  };
  const tryOut = async (name: string) => {
    setBusy(true);
    await attempt(async () => {
      const failed = (await testStore(name)).filter(({ Error }) => Error !== undefined);
      if (failed.length === 0) notify({ type: "success", content: t("testDone") });
      for (const { Place, Error } of failed) notify({ type: "error", content: t("testFailed", { place: Place, why: Error ?? "" }) });
    });
    setBusy(false);
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
        empty={<EmptyState title={t("empty")}>{t("emptyHelp")}</EmptyState>}
      />
      <UploadLog />
      {dialog === "put" && <StoreDialog store={edited} onClose={close} onSaved={pages.refresh} />}
      {dialog === "delete" && chosen && (
        <ConfirmAction
          title={t("deleteTitle")}
          action={t("delete")}
          word={chosen.Name}
          onConfirm={async () => {
            await deleteStore(chosen.Name);
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

function columnsOf(t: Translator): Column<Store>[] {
  return [
    { id: "name", header: t("name"), width: 180, isRowHeader: true, cell: ({ Name }) => Name },
    { id: "endpoint", header: t("endpoint"), width: 300, cell: ({ Endpoint }) => Endpoint },
    { id: "region", header: t("region"), width: 140, cell: ({ Region }) => Region },
    { id: "places", header: t("places"), width: 220, cell: ({ OutputPlaces }) => OutputPlaces.join(", ") || "–" },
    { id: "readable", header: t("readable"), width: 220, cell: ({ DownloadPlaces }) => DownloadPlaces.join(", ") || "–" },
  ];
}
