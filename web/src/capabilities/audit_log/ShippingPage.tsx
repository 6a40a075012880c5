import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { usePage } from "@/components/usePage";
import { shippingQuery } from "./api";
import { Retention } from "./Retention";
import { ShippingForm } from "./ShippingForm";
import { useAuditTexts } from "./texts";

/** Where the log is shipped to, how delivery goes, and how long rows are kept. */
export default function ShippingPage() {
  const t = useAuditTexts();
  const query = useQuery(shippingQuery);
  usePage(t("shippingTitle"), [
    { text: t("title"), href: "/audit" },
    { text: t("shippingTitle"), href: "/audit/shipping" },
  ]);
  const content = () => {
    if (query.error && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return query.data ? <ShippingForm shipping={query.data} /> : <Spinner size="large" />;
  };
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={t("shippingHelp")} actions={<RouteButton to="/audit">{t("toLog")}</RouteButton>}>
          {t("shippingTitle")}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {content()}
        <Retention />
      </SpaceBetween>
    </ContentLayout>
  );
}
