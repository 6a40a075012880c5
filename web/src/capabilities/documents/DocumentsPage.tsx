import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo } from "react";
import { useNavigate } from "react-router";
import { EmptyState } from "@/components/EmptyState";
import { MayButton } from "@/components/MayButton";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { useCommonTexts } from "@/components/texts";
import { TokenFilter } from "@/components/TokenFilter";
import { useList } from "@/components/useList";
import { useMay } from "@/components/useMay";
import { usePage } from "@/components/usePage";
import { EMPTY_FILTER } from "@/platform/filter";
import { usePages } from "@/platform/pages";
import type { DocumentIdentifier } from "@/platform/types";
import { useView } from "@/platform/useView";
import { UPSTREAM_PAGE_SIZES } from "@/platform/view";
import { listDocuments } from "./api";
import { documentColumns } from "./documentColumns";
import { useDocumentTexts } from "./texts";
import { DOCUMENT_KEYS, TAG_OPERATORS, withOneOwner } from "./tokens";

const CREATE = "ssm:CreateDocument";

export default function DocumentsPage() {
  const t = useDocumentTexts();
  const common = useCommonTexts();
  const navigate = useNavigate();
  const noCreate = useMay({ kind: "document" }, [CREATE])(CREATE);
  const list = useList("documents", UPSTREAM_PAGE_SIZES);
  const [view, changeView] = useView(list);
  const columns = useMemo(() => documentColumns(t), [t]);
  const pages = usePages<DocumentIdentifier>({
    queryKey: ["documents", "list", view.filter],
    fetchPage: (cursor, size, signal) => listDocuments({ ...view, size }, cursor, signal),
    size: view.size,
  });
  usePage(t("documents"));

  return (
    <QueryTable
      label={t("documents")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={({ Name }) => Name}
      variant="full-page"
      size={view.size}
      onSize={(size) => changeView({ size })}
      header={
        <Header
          variant="h1"
          description={t("documentsHelp")}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <RefreshButton pages={pages} />
              <MayButton variant="primary" refusal={noCreate} onClick={() => void navigate("/documents/new")}>
                {t("create")}
              </MayButton>
            </SpaceBetween>
          }
        >
          {t("documents")}
        </Header>
      }
      filter={
        <TokenFilter
          label={t("filterLabel")}
          placeholder={t("filterPlaceholder")}
          keys={DOCUMENT_KEYS}
          textOf={t}
          filter={view.filter}
          onChange={(filter) => changeView({ filter: withOneOwner(filter) })}
          tagOperators={TAG_OPERATORS}
          freeText={t("nameOrDescription")}
          isAndOnly
        />
      }
      empty={
        <EmptyState title={common("nothingFound")} action={<Button onClick={() => changeView({ filter: EMPTY_FILTER })}>{common("clearFilter")}</Button>}>
          {common("nothingFoundHelp")}
        </EmptyState>
      }
    />
  );
}
