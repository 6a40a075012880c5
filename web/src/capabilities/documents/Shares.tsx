import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { MayButton } from "@/components/MayButton";
import { useCommonTexts } from "@/components/texts";
import { useAttempt } from "@/components/useAttempt";
import { useMay } from "@/components/useMay";
import type { DocumentDescription, DocumentShare } from "@/platform/types";
import { sharesQuery, unshare } from "./api";
import { isOfLibrary } from "./rules";
import { ShareDialog } from "./ShareDialog";
import { sharedVersionText } from "./sharedVersions";
import { useDocumentTexts } from "./texts";

const ACTION = "ssm:ModifyDocumentPermission";

/** With which accounts a document is shared. One hub is one account: this is kept for tools that ask. */
export function Shares({ description }: { description: DocumentDescription }) {
  const t = useDocumentTexts();
  const common = useCommonTexts();
  const attempt = useAttempt();
  const client = useQueryClient();
  const { Name: name } = description;
  const query = useQuery(sharesQuery(name));
  const refusal = useMay({ kind: "document", id: name }, [ACTION])(ACTION) ?? (isOfLibrary(description) ? t("libraryReason") : undefined);
  const [selected, setSelected] = useState<DocumentShare[]>([]);
  const [isAdding, setAdding] = useState(false);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;

  const reload = () => client.invalidateQueries({ queryKey: sharesQuery(name).queryKey });
  const chosen = selected[0];
  const noRemove = refusal ?? (chosen ? undefined : t("shareChoose"));
  const remove = async (account: string) => {
    await unshare(name, account);
    setSelected([]);
    await reload();
  };
  const add = (
    <MayButton refusal={refusal} onClick={() => setAdding(true)}>
      {t("shareAdd")}
    </MayButton>
  );
  return (
    <>
      <Table<DocumentShare>
        items={query.data ?? []}
        loading={query.isPending}
        loadingText={common("loading")}
        trackBy="AccountId"
        selectionType="single"
        selectedItems={selected}
        onSelectionChange={({ detail }) => setSelected(detail.selectedItems)}
        wrapLines
        empty={<EmptyState title={t("sharesEmpty")}>{t("sharesEmptyHelp")}</EmptyState>}
        ariaLabels={{ tableLabel: t("sharing"), selectionGroupLabel: t("sharing"), itemSelectionLabel: (_, { AccountId }) => common("selectItem", { name: AccountId }) }}
        columnDefinitions={[
          { id: "account", header: t("account"), isRowHeader: true, cell: ({ AccountId }) => (AccountId === "all" ? t("accountAll") : AccountId) },
          { id: "version", header: t("sharedVersion"), cell: ({ SharedDocumentVersion }) => sharedVersionText(SharedDocumentVersion, t) },
        ]}
        header={
          <Header
            description={t("sharingHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <MayButton refusal={noRemove} onClick={() => chosen && void attempt(() => remove(chosen.AccountId))}>
                  {t("shareRemove")}
                </MayButton>
                {add}
              </SpaceBetween>
            }
          >
            {t("sharing")}
          </Header>
        }
      />
      {isAdding && <ShareDialog name={name} onClose={() => setAdding(false)} onSaved={() => void reload()} />}
    </>
  );
}
