import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { usePage } from "@/components/usePage";
import { parameterAt } from "@/platform/links";
import { type Parameter, parameterQuery, valueQuery } from "./api";
import { draftOf } from "./draft";
import { ParameterForm } from "./ParameterForm";
import { useParameterTexts } from "./texts";

/** The next version of a parameter. The value that is there is offered for change, unless it is a secret. */
export default function EditParameterPage() {
  const t = useParameterTexts();
  const [params] = useSearchParams();
  const name = params.get("name") ?? "";
  const { refetchInterval: _, ...once } = parameterQuery(name);
  const query = useQuery(once);
  usePage(t("editTitle", { name }), [
    { text: t("parameters"), href: "/parameters" },
    { text: name, href: parameterAt(name) },
    { text: t("edit"), href: `/parameters/edit?name=${encodeURIComponent(name)}` },
  ]);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner size="large" />;
  return (
    <ContentLayout header={<Header variant="h1">{t("editTitle", { name })}</Header>}>
      {query.data.Type === "SecureString" ? (
        <ParameterForm start={draftOf(query.data)} isNew={false} />
      ) : (
        <WithValue parameter={query.data} />
      )}
    </ContentLayout>
  );
}

function WithValue({ parameter }: { parameter: Parameter }) {
  const query = useQuery({ ...valueQuery(parameter), staleTime: Infinity });
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (query.data === undefined) return <Spinner size="large" />;
  return <ParameterForm start={{ ...draftOf(parameter), value: query.data }} isNew={false} />;
}
