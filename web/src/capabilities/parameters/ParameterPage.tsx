import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { RouteButton } from "@/components/RouteButton";
import { usePage } from "@/components/usePage";
import { ApiError } from "@/platform/errors";
import { parameterAt } from "@/platform/links";
import { deleteParameter, parameterQuery } from "./api";
import { ParameterDocuments } from "./ParameterDocuments";
import { ParameterFacts } from "./ParameterFacts";
import { ParameterTags } from "./ParameterTags";
import { ParameterUses } from "./ParameterUses";
import { useParameterTexts } from "./texts";
import { Versions } from "./Versions";

export default function ParameterPage() {
  const t = useParameterTexts();
  const notify = useNotify();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const [isDeleting, setDeleting] = useState(false);
  const name = params.get("name") ?? "";
  const query = useQuery(parameterQuery(name));
  const parameter = query.data;
  usePage(name, [
    { text: t("parameters"), href: "/parameters" },
    { text: name, href: parameterAt(name) },
  ]);

  if (query.error && !parameter) {
    const isMissing = query.error instanceof ApiError && query.error.code === "ParameterNotFound";
    if (!isMissing) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return (
      <EmptyState title={t("missing")} action={<RouteButton to="/parameters">{t("toParameters")}</RouteButton>}>
        {t("missingHelp")}
      </EmptyState>
    );
  }
  if (!parameter) return <Spinner size="large" />;

  const remove = async () => {
    await deleteParameter(name);
    notify({ type: "success", content: t("deleted", { name }) });
    // Old now, and not asked for again while this page is still on its way out.
    await client.invalidateQueries({ queryKey: ["parameters"], refetchType: "none" });
    await navigate("/parameters");
  };
  const header = (
    <Header
      variant="h1"
      description={parameter.Description}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => setDeleting(true)}>{t("delete")}</Button>
          <RouteButton variant="primary" to={`/parameters/edit?name=${encodeURIComponent(name)}`}>
            {t("edit")}
          </RouteButton>
        </SpaceBetween>
      }
    >
      {name}
    </Header>
  );
  return (
    <ContentLayout header={header}>
      <Tabs
        activeTabId={params.get("tab") ?? "details"}
        onChange={({ detail }) =>
          setParams(detail.activeTabId === "details" ? { name } : { name, tab: detail.activeTabId }, { replace: true })
        }
        tabs={[
          { id: "details", label: t("details"), content: <ParameterFacts key={`${name} ${parameter.Version}`} parameter={parameter} /> },
          { id: "versions", label: t("versions"), content: <Versions key={name} parameter={parameter} /> },
          { id: "nodes", label: t("onNodes"), content: <ParameterUses parameter={parameter} /> },
          { id: "documents", label: t("inDocuments"), content: <ParameterDocuments name={name} /> },
          { id: "tags", label: t("tags"), content: <ParameterTags name={name} /> },
        ]}
      />
      {isDeleting && (
        <ConfirmAction title={t("deleteTitle")} action={t("delete")} word={name} onConfirm={remove} onClose={() => setDeleting(false)}>
          {t("deleteText", { name })}
        </ConfirmAction>
      )}
    </ContentLayout>
  );
}
