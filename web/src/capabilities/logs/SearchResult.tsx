import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { type Search, isNoneVisible } from "./api";
import { EventLines } from "./EventLines";
import { lastOf, onlyNew } from "./lines";
import { NothingFound } from "./NothingFound";
import { ResultTools } from "./ResultTools";
import { type Range, isOpen, timesOf } from "./range";
import { useLogsTexts } from "./texts";
import { useFollow } from "./useFollow";
import { useSearch } from "./useSearch";

interface Props {
  search: Search;
  range: Range;
  /** When the group's latest lines came, as far as was known before. */
  latest: number | undefined;
  isFollowing: boolean;
  onFollow: (isFollowing: boolean) => void;
  /** Looks through all times; nothing when it has. */
  onAll: (() => void) | undefined;
}

/** What a search found, and what comes afterwards. Another search is another one of these. */
export function SearchResult({ search, range, latest, isFollowing, onFollow, onAll }: Props) {
  const t = useLogsTexts();
  const [times] = useState(() => timesOf(range, Date.now()));
  const [before] = useState(latest);
  const query = useSearch(search, times);
  const pages = query.data?.pages;
  const isRead = pages !== undefined && !query.hasNextPage;
  const newest = pages?.findLast(({ events }) => events.length > 0)?.events.at(-1)?.timestamp;
  const followed = useFollow({
    search,
    from: times.startTime,
    newest: isRead ? (newest ?? before ?? times.startTime ?? 0) : undefined,
    isOn: isFollowing && pages !== undefined,
  });
  const read = pages?.length ?? 0;
  const { batches, dropped } = useMemo(() => {
    const all = [...(pages ?? []).map(({ events }) => events), ...followed.batches];
    return lastOf(onlyNew(all));
  }, [pages, followed.batches]);
  const count = batches.reduce((sum, events) => sum + events.length, 0);

  if (isNoneVisible(query.error)) return <EmptyState title={t("noneVisible")}>{t("noneVisibleHelp")}</EmptyState>;
  if (query.error && !query.data) return <ErrorState error={query.error} title={t("searchFailed")} onRetry={() => void query.refetch()} />;
  if (query.isPending) return <StatusIndicator type="loading">{t("searching")}</StatusIndicator>;
  const readOn = { isLoading: query.isFetchingNextPage, onMore: () => void query.fetchNextPage() };
  return (
    <SpaceBetween size="s">
      <ResultTools
        count={count}
        isComplete={isRead}
        isFollowing={isFollowing}
        followReason={isOpen(range) ? undefined : t("followClosed")}
        onFollow={onFollow}
        batches={batches}
      />
      {query.error !== null && <ErrorState error={query.error} title={t("searchFailed")} />}
      {isFollowing && followed.error !== undefined && <ErrorState error={followed.error} title={t("followFailed")} />}
      {count > 0 ? (
        <EventLines group={search.group} batches={batches} dropped={dropped} read={read} isFollowing={isFollowing} hasMore={query.hasNextPage} {...readOn} />
      ) : (
        <NothingFound isBlank={before === undefined} isFollowing={isFollowing} hasMore={query.hasNextPage} onAll={onAll} {...readOn} />
      )}
    </SpaceBetween>
  );
}
