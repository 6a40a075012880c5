import Alert from "@cloudscape-design/components/alert";
import { useQuery } from "@tanstack/react-query";
import { RouteButton } from "@/components/RouteButton";
import { call } from "@/platform/api";
import { useOverviewTexts } from "./texts";

const REFRESH_MS = 10_000;
/** More than that are counted as "or more". */
const MOST = 100;

/** Commands of others that wait for somebody who may approve them. */
export function WaitingApprovals() {
  const t = useOverviewTexts();
  const query = useQuery({
    queryKey: ["approvals", "waiting"],
    queryFn: ({ signal }) => call("Roadstead.ListApprovals", { OnlyOpen: true, MaxResults: MOST }, signal),
    refetchInterval: ({ state }) => (state.error ? false : REFRESH_MS),
  });
  const count = query.data?.Approvals.length ?? 0;
  if (count === 0) return null;
  return (
    <Alert type="info" action={<RouteButton to="/approvals">{t("toApprovals")}</RouteButton>}>
      {query.data?.NextToken ? t("approvalsMany", { count }) : t("approvalsWait", { count })}
    </Alert>
  );
}
