import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { usePage } from "@/components/usePage";
import { ApiError } from "@/platform/errors";
import { policyQuery } from "./api";
import { PolicyEditor } from "./PolicyEditor";
import { useRightsTexts } from "./texts";

export default function PolicyPage() {
  const t = useRightsTexts();
  const { policyName = "" } = useParams();
  const query = useQuery(policyQuery(policyName));
  usePage(policyName, [
    { text: t("policies"), href: "/policies" },
    { text: policyName, href: `/policies/${policyName}` },
  ]);
  if (query.error && !query.data) {
    const isMissing = query.error instanceof ApiError && query.error.code === "ResourceNotFoundException";
    if (!isMissing) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return <EmptyState title={t("policyMissing")} action={<RouteButton to="/policies">{t("toPolicies")}</RouteButton>} />;
  }
  return query.data ? <PolicyEditor key={policyName} stored={query.data} /> : <Spinner size="large" />;
}
