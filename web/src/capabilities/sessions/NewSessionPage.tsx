import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { Navigate, useLocation, useSearchParams } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { usePage } from "@/components/usePage";
import { nodeNameQuery, startSession } from "./api";
import { useSessionTexts } from "./texts";

/** Starts a shell, then becomes its terminal page. One visit starts one shell, however often it is drawn. */
export default function NewSessionPage() {
  const t = useSessionTexts();
  const { key } = useLocation();
  const [params] = useSearchParams();
  const nodeId = params.get("node") ?? "";
  const node = useQuery(nodeNameQuery(nodeId));
  const started = useQuery({
    queryKey: ["start-session", key, nodeId],
    queryFn: () => startSession(nodeId),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const name = node.data?.Name ?? nodeId;
  usePage(t("shellOn", { name }));
  if (started.data) return <Navigate to={`/sessions/${started.data}`} replace />;
  return (
    <Box margin="xxl">
      {started.error ? (
        <ErrorState error={started.error} title={t("openFailed")} onRetry={() => void started.refetch()} />
      ) : (
        <Box textAlign="center">
          <Spinner /> {t("opening", { name })}
        </Box>
      )}
    </Box>
  );
}
