import Container from "@cloudscape-design/components/container";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { TimeAt } from "@/components/TimeAt";
import type { DocumentDescription } from "@/platform/types";
import { REVIEWS, reviewText } from "./reviewText";
import { useDocumentTexts } from "./texts";

export function DocumentFacts({ description }: { description: DocumentDescription }) {
  const t = useDocumentTexts();
  const { DocumentVersion: version, DefaultVersion: current, VersionName: versionName, ReviewStatus: status, AttachmentsInformation, Requires } = description;
  const files = (AttachmentsInformation ?? []).map(({ Name }) => Name);
  const required = (Requires ?? []).map((one) => [one.Name, one.Version].filter(Boolean).join(" "));
  return (
    <Container>
      <KeyValuePairs
        columns={4}
        minColumnWidth={170}
        items={[
          { label: t("shownVersion"), value: [t("versionOption", { version }), versionName, version === current ? t("isDefault") : undefined].filter(Boolean).join(" · ") },
          { label: t("defaultAndLatest"), value: `${current} / ${description.LatestVersion}` },
          { label: t("type"), value: description.DocumentType },
          { label: t("owner"), value: description.Owner },
          { label: t("author"), value: description.Author || "–" },
          { label: t("created"), value: <TimeAt at={description.CreatedDate} /> },
          { label: t("format"), value: [description.DocumentFormat, description.SchemaVersion].filter(Boolean).join(" · ") },
          { label: t("platforms"), value: description.PlatformTypes.join(", ") || "–" },
          ...(status ? [{ label: t("review"), value: <StatusIndicator type={REVIEWS[status]?.type ?? "info"}>{reviewText(status, t)}</StatusIndicator> }] : []),
          ...(description.TargetType ? [{ label: t("targetType"), value: description.TargetType }] : []),
          ...(files.length > 0 ? [{ label: t("attachments"), value: files.join(", ") }] : []),
          ...(required.length > 0 ? [{ label: t("requires"), value: required.join(", ") }] : []),
          { label: t("hash"), value: <code className="fingerprint">{description.Hash}</code> },
        ]}
      />
    </Container>
  );
}
