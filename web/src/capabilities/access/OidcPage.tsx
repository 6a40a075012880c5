import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { ErrorState } from "@/components/ErrorState";
import { useNotify } from "@/components/Notifications";
import { usePage } from "@/components/usePage";
import { deleteOidc, oidcQuery } from "./api";
import { OidcForm } from "./OidcForm";
import { useAccessTexts } from "./texts";

/** The single sign-on provider: who comes in by it, and as what. */
export default function OidcPage() {
  const t = useAccessTexts();
  const notify = useNotify();
  const client = useQueryClient();
  const query = useQuery(oidcQuery);
  const [isRemoving, setRemoving] = useState(false);
  usePage(t("oidcTitle"));
  const isSet = query.data?.Settings !== undefined;

  const remove = async () => {
    await deleteOidc();
    await client.invalidateQueries({ queryKey: ["oidc"] });
    notify({ type: "success", content: t("oidcRemoved") });
  };
  const content = () => {
    if (query.error && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return query.data ? <OidcForm key={String(isSet)} oidc={query.data} /> : <Spinner size="large" />;
  };
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={t("oidcHelp")}
          actions={
            <Button disabled={!isSet} disabledReason={t("oidcNone")} onClick={() => setRemoving(true)}>
              {t("oidcRemove")}
            </Button>
          }
        >
          {t("oidcTitle")}
        </Header>
      }
    >
      {content()}
      {isRemoving && (
        <ConfirmAction title={t("oidcRemoveTitle")} action={t("oidcRemove")} onConfirm={remove} onClose={() => setRemoving(false)}>
          {t("oidcRemoveText")}
        </ConfirmAction>
      )}
    </ContentLayout>
  );
}
