import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { ComparedText } from "@/components/ComparedText";
import { versionsQuery } from "@/components/documents";
import { CopyLine } from "@/components/CopyLine";
import { ErrorState } from "@/components/ErrorState";
import type { DocumentDescription } from "@/platform/types";
import { comparableQuery } from "./api";
import "./documents.css";
import { useDocumentTexts } from "./texts";

interface Props {
  description: DocumentDescription;
  content: string;
  /** The version that the shown one is laid beside; empty for none. */
  compared: string;
  onShow: (version: string) => void;
  onCompare: (version: string) => void;
}

/** A version's text, or what changed since another one. */
export function DocumentContent({ description, content, compared, onShow, onCompare }: Props) {
  const t = useDocumentTexts();
  const versions = useQuery(versionsQuery(description.Name));
  const shown = description.DocumentVersion;
  const options = (versions.data ?? []).map(({ DocumentVersion, IsDefaultVersion, VersionName }) => ({
    value: DocumentVersion,
    label: t("versionOption", { version: DocumentVersion }),
    description: [VersionName, IsDefaultVersion ? t("isDefault") : undefined].filter(Boolean).join(" · "),
  }));
  const others = [{ value: "", label: t("compareNothing") }, ...options.filter(({ value }) => value !== shown)];
  const actions = (
    <div className="version-choice">
      <Select
        ariaLabel={t("shownVersion")}
        options={options}
        selectedOption={options.find(({ value }) => value === shown) ?? { value: shown, label: t("versionOption", { version: shown }) }}
        onChange={({ detail }) => onShow(detail.selectedOption.value ?? "")}
      />
      <Select
        ariaLabel={t("compareWith")}
        inlineLabelText={t("compareWith")}
        options={others}
        selectedOption={others.find(({ value }) => value === compared) ?? others[0] ?? null}
        onChange={({ detail }) => onCompare(detail.selectedOption.value ?? "")}
      />
    </div>
  );
  return (
    <Container
      header={
        <Header variant="h2" actions={actions}>
          {t("content")}
        </Header>
      }
    >
      {compared && compared !== shown ? (
        <Changes description={description} compared={compared} />
      ) : (
        <div className="document-text">
          <CopyLine text={content} label={t("content")} />
        </div>
      )}
    </Container>
  );
}

function Changes({ description: { Name, DocumentVersion, DocumentFormat }, compared }: { description: DocumentDescription; compared: string }) {
  const t = useDocumentTexts();
  const isPlain = DocumentFormat === "TEXT";
  const before = useQuery(comparableQuery(Name, compared, isPlain));
  const after = useQuery(comparableQuery(Name, DocumentVersion, isPlain));
  const error = before.error ?? after.error;
  if (error) return <ErrorState error={error} />;
  if (before.data === undefined || after.data === undefined) return <Spinner />;
  if (before.data === after.data) return <>{t("same")}</>;
  return <ComparedText before={before.data} after={after.data} label={t("compareLabel", { old: compared, new: DocumentVersion })} context={3} />;
}
