import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { MayButton } from "@/components/MayButton";
import { useCommonTexts } from "@/components/texts";
import { TimeAgo } from "@/components/TimeAgo";
import { useMay } from "@/components/useMay";
import type { DocumentDescription, DocumentReview } from "@/platform/types";
import { type ReviewAction, reviewsQuery } from "./api";
import { ReviewDialog } from "./ReviewDialog";
import { REVIEWS, reviewText } from "./reviewText";
import { isOfLibrary, reviewActions } from "./rules";
import { useDocumentTexts } from "./texts";

const ACTION = "ssm:UpdateDocumentMetadata";

/** What was said about the version on show, newest first. */
export function Reviews({ description }: { description: DocumentDescription }) {
  const t = useDocumentTexts();
  const common = useCommonTexts();
  const { Name: name, DocumentVersion: version, ReviewStatus: status = "NOT_REVIEWED" } = description;
  const query = useQuery(reviewsQuery(name, version));
  const refusal = useMay({ kind: "document", id: name }, [ACTION])(ACTION) ?? (isOfLibrary(description) ? t("libraryReason") : undefined);
  const [doing, setDoing] = useState<ReviewAction>();
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <>
      <Table<DocumentReview>
        items={query.data ?? []}
        loading={query.isPending}
        loadingText={common("loading")}
        trackBy={({ CreateTime, ReviewStatus }) => `${CreateTime} ${ReviewStatus}`}
        wrapLines
        empty={<EmptyState title={t("reviewsEmpty")}>{t("reviewsEmptyHelp")}</EmptyState>}
        ariaLabels={{ tableLabel: t("reviews") }}
        columnDefinitions={[
          {
            id: "status",
            header: t("review"),
            isRowHeader: true,
            cell: ({ ReviewStatus }) => <StatusIndicator type={REVIEWS[ReviewStatus]?.type ?? "info"}>{reviewText(ReviewStatus, t)}</StatusIndicator>,
          },
          { id: "by", header: t("reviewer"), cell: ({ Reviewer }) => Reviewer },
          { id: "comment", header: t("comment"), cell: ({ Comment }) => (Comment ?? []).map(({ Content }) => Content).join("\n") || "–" },
          { id: "at", header: t("changed"), cell: ({ UpdatedTime }) => <TimeAgo at={UpdatedTime} /> },
        ]}
        header={
          <Header
            description={t("reviewsHelp", { version })}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                {reviewActions(status).map((action) => (
                  <MayButton key={action} refusal={refusal} onClick={() => setDoing(action)}>
                    {t(action)}
                  </MayButton>
                ))}
              </SpaceBetween>
            }
          >
            {t("reviews")}
          </Header>
        }
      />
      {doing && <ReviewDialog name={name} version={version} action={doing} onClose={() => setDoing(undefined)} />}
    </>
  );
}
