import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useSearchParams } from "react-router";
import { ErrorState } from "@/components/ErrorState";
import { RefreshButton } from "@/components/RefreshButton";
import { withParams } from "@/platform/view";
import { LogLine } from "./LogLine";
import { useLogsTexts } from "./texts";
import { useStreamLines } from "./useStreamLines";
import "./logs.css";

/** The lines of a stream from one of its ends, and on from there. */
export function StreamLines({ group, name }: { group: string; name: string }) {
  const t = useLogsTexts();
  const [params, setParams] = useSearchParams();
  const fromHead = params.get("from") !== "end";
  const query = useStreamLines(group, name, fromHead);
  const choose = (end: string) => setParams(withParams(params, { from: end === "end" ? end : undefined }), { replace: true });
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <div className="log-tools">
              <SegmentedControl
                label={t("readFrom")}
                selectedId={fromHead ? "head" : "end"}
                options={[
                  { id: "head", text: t("fromHead") },
                  { id: "end", text: t("fromEnd") },
                ]}
                onChange={({ detail }) => choose(detail.selectedId)}
              />
              <RefreshButton pages={{ isRefreshing: query.isRefetching, refresh: () => void query.refetch() }} />
            </div>
          }
        >
          {t("events")}
        </Header>
      }
    >
      {query.error !== null && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <StatusIndicator type="loading">{t("searching")}</StatusIndicator>}
      {query.data && (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
        <div className="log-lines" role="region" aria-label={t("linesOf", { name })} tabIndex={0}>
          <div className="log-more">
            <Edge has={query.hasPreviousPage} isLoading={query.isFetchingPreviousPage} more={t("earlier")} end={t("beginning")} onMore={() => void query.fetchPreviousPage()} />
          </div>
          {query.data.pages.map(({ events }, page) => (
            // oxlint-disable-next-line react/no-array-index-key -- lines have no names
            <ul key={page}>
              {events.map(({ message }, at) => (
                // oxlint-disable-next-line react/no-array-index-key -- as above
                <LogLine key={at} message={message} />
              ))}
            </ul>
          ))}
          <div className="log-more">
            <Edge has={query.hasNextPage} isLoading={query.isFetchingNextPage} more={t("later")} end={t("end")} onMore={() => void query.fetchNextPage()} />
          </div>
        </div>
      )}
    </Container>
  );
}

interface EdgeProps {
  has: boolean;
  isLoading: boolean;
  more: string;
  end: string;
  onMore: () => void;
}

/** The way on, or that there is none. */
function Edge({ has, isLoading, more, end, onMore }: EdgeProps) {
  if (!has) return <span>{end}</span>;
  return (
    <Button loading={isLoading} onClick={onMore}>
      {more}
    </Button>
  );
}
