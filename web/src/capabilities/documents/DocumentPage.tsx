import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery } from "@tanstack/react-query";
import { useParams, useSearchParams } from "react-router";
import { DEFAULT_VERSION } from "@/components/documents";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { usePage } from "@/components/usePage";
import { ApiError } from "@/platform/errors";
import { documentAt } from "@/platform/links";
import { documentQuery } from "./api";
import { DocumentActions } from "./DocumentActions";
import { DocumentContent } from "./DocumentContent";
import { DocumentFacts } from "./DocumentFacts";
import { DocumentTags } from "./DocumentTags";
import { Parameters } from "./Parameters";
import { Reviews } from "./Reviews";
import { Shares } from "./Shares";
import { useDocumentTexts } from "./texts";
import { Versions } from "./Versions";

const MISSING = new Set(["InvalidDocument", "InvalidDocumentVersion"]);

/** One version of a document, the default unless the address names another, and what there is to know about the document. */
export default function DocumentPage() {
  const t = useDocumentTexts();
  const { name = "" } = useParams();
  const [params, setParams] = useSearchParams();
  const wanted = params.get("version") ?? DEFAULT_VERSION;
  const query = useQuery(documentQuery(name, wanted));
  usePage(name, [
    { text: t("documents"), href: "/documents" },
    { text: name, href: documentAt(name) },
  ]);

  if (query.error && !query.data) {
    const isMissing = query.error instanceof ApiError && MISSING.has(query.error.code);
    if (!isMissing) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return (
      <EmptyState title={t("missing")} action={<RouteButton to="/documents">{t("toDocuments")}</RouteButton>}>
        {t("missingHelp")}
      </EmptyState>
    );
  }
  if (!query.data) return <Spinner size="large" />;
  const { description, content } = query.data;
  const set = (changes: Record<string, string | undefined>) => {
    const next = new URLSearchParams(params);
    for (const [key, value] of Object.entries(changes)) {
      if (value) next.set(key, value);
      else next.delete(key);
    }
    setParams(next, { replace: true });
  };
  const tabs = [
    {
      id: "content",
      label: t("content"),
      content: (
        <DocumentContent
          description={description}
          content={content}
          compared={params.get("compare") ?? ""}
          onShow={(version) => set({ version, compare: params.get("compare") === version ? undefined : (params.get("compare") ?? undefined) })}
          onCompare={(version) => set({ version: description.DocumentVersion, compare: version })}
        />
      ),
    },
    { id: "parameters", label: t("parameters"), content: <Parameters description={description} /> },
    {
      id: "versions",
      label: t("versions"),
      content: <Versions description={description} onCompare={(older, newer) => set({ tab: undefined, version: newer, compare: older })} onGone={() => set({ version: undefined, compare: undefined })} />,
    },
    { id: "sharing", label: t("sharing"), content: <Shares description={description} /> },
    { id: "reviews", label: t("reviews"), content: <Reviews key={description.DocumentVersion} description={description} /> },
    { id: "tags", label: t("tags"), content: <DocumentTags description={description} /> },
  ];
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={description.Description} actions={<DocumentActions description={description} />}>
          {name}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <DocumentFacts description={description} />
        <Tabs activeTabId={params.get("tab") ?? "content"} tabs={tabs} onChange={({ detail }) => set({ tab: detail.activeTabId === "content" ? undefined : detail.activeTabId })} />
      </SpaceBetween>
    </ContentLayout>
  );
}
