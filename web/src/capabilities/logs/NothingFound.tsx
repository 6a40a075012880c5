import Button from "@cloudscape-design/components/button";
import { EmptyState } from "@/components/EmptyState";
import { useLogsTexts } from "./texts";

interface Props {
  /** The group itself has no lines. */
  isBlank: boolean;
  isFollowing: boolean;
  /** A part has not been searched. */
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
  onAll: (() => void) | undefined;
}

export function NothingFound({ isBlank, isFollowing, hasMore, isLoading, onMore, onAll }: Props) {
  const t = useLogsTexts();
  if (hasMore) {
    return (
      <EmptyState title={t("nothingYet")} action={<Button loading={isLoading} onClick={onMore}>{t("searchOn")}</Button>}>
        {t("nothingYetHelp")}
      </EmptyState>
    );
  }
  if (isBlank) return <EmptyState title={t("nothingWritten")}>{t("nothingWrittenHelp")}</EmptyState>;
  return (
    <EmptyState title={t("nothing")} action={onAll && <Button onClick={onAll}>{t("searchAll")}</Button>}>
      {isFollowing ? t("following") : t("nothingHelp")}
    </EmptyState>
  );
}
