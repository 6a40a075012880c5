import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { DEFAULT_VERSION } from "@/components/documents";
import { ErrorState } from "@/components/ErrorState";
import { usePage } from "@/components/usePage";
import { documentQuery } from "./api";
import { DocumentEditor } from "./DocumentEditor";
import { copyName } from "./rules";
import { useDocumentTexts } from "./texts";

/** What a new document starts as: it can be saved and run. */
const STARTER = `schemaVersion: '2.2'
description: Says hello.
parameters:
  name:
    type: String
    description: Who is greeted
    default: you
    interpolationType: ENV_VAR
mainSteps:
  - name: greet
    action: aws:runShellScript
    inputs:
      runCommand:
        - echo "hello {{ name }}"
`;

/** A new document, or with `from` a copy of one. */
export default function NewDocumentPage() {
  const t = useDocumentTexts();
  const [params] = useSearchParams();
  const from = params.get("from");
  usePage(t("create"), [
    { text: t("documents"), href: "/documents" },
    { text: t("create"), href: "/documents/new" },
  ]);
  if (!from) return <DocumentEditor start={{ name: "", type: "Command", format: "YAML", content: STARTER }} />;
  return <Copy key={from} from={from} version={params.get("version") ?? DEFAULT_VERSION} />;
}

function Copy({ from, version }: { from: string; version: string }) {
  const query = useQuery({ ...documentQuery(from, version), staleTime: Number.POSITIVE_INFINITY });
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner size="large" />;
  const { description, content } = query.data;
  return <DocumentEditor start={{ name: copyName(from), type: description.DocumentType, format: description.DocumentFormat, content }} />;
}
