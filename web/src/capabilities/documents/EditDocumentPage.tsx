import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { usePage } from "@/components/usePage";
import { documentAt } from "@/platform/links";
import { documentQuery } from "./api";
import { DocumentEditor } from "./DocumentEditor";
import { useDocumentTexts } from "./texts";

/** The next version of a document, from its latest. */
export default function EditDocumentPage() {
  const t = useDocumentTexts();
  const { name = "" } = useParams();
  // Never from an earlier reading: what is saved stands on the latest version, whoever made it.
  const query = useQuery({ ...documentQuery(name, "$LATEST"), gcTime: 0, staleTime: Number.POSITIVE_INFINITY });
  usePage(t("editTitle", { name }), [
    { text: t("documents"), href: "/documents" },
    { text: name, href: documentAt(name) },
    { text: t("edit"), href: `${documentAt(name)}/edit` },
  ]);
  if (query.error && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner size="large" />;
  const { description, content } = query.data;
  const start = { name, type: description.DocumentType, format: description.DocumentFormat, content };
  return <DocumentEditor key={name} version={description.DocumentVersion} start={start} />;
}
