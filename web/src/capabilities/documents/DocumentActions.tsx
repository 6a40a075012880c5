import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ConfirmAction } from "@/components/ConfirmAction";
import { MayButton } from "@/components/MayButton";
import { useNotify } from "@/components/Notifications";
import { useMay } from "@/components/useMay";
import { documentAt, runDocument } from "@/platform/links";
import type { DocumentDescription } from "@/platform/types";
import { deleteDocument } from "./api";
import { isOfLibrary } from "./rules";
import { useDocumentTexts } from "./texts";

const ACTIONS = ["ssm:DeleteDocument", "ssm:UpdateDocument", "ssm:CreateDocument", "ssm:SendCommand"] as const;

export function DocumentActions({ description }: { description: DocumentDescription }) {
  const t = useDocumentTexts();
  const notify = useNotify();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [isDeleting, setDeleting] = useState(false);
  const { Name: name, DocumentVersion: version, DefaultVersion: current, DocumentType: type } = description;
  const may = useMay({ kind: "document", id: name }, ACTIONS);
  const fixed = isOfLibrary(description) ? t("libraryReason") : undefined;

  const remove = async () => {
    await deleteDocument(name);
    notify({ type: "success", content: t("deleted", { name }) });
    // Old now, and not asked for again while this page is still on its way out.
    await client.invalidateQueries({ queryKey: ["documents"], refetchType: "none" });
    await navigate("/documents");
  };
  const notRun = type === "Command" ? may("ssm:SendCommand") : t("runReason");
  return (
    <>
      <SpaceBetween direction="horizontal" size="xs">
        <MayButton refusal={may("ssm:DeleteDocument") ?? fixed} onClick={() => setDeleting(true)}>
          {t("delete")}
        </MayButton>
        <MayButton refusal={may("ssm:CreateDocument")} onClick={() => void navigate(`/documents/new?${new URLSearchParams({ from: name, version }).toString()}`)}>
          {t("copy")}
        </MayButton>
        <MayButton refusal={may("ssm:UpdateDocument") ?? fixed} onClick={() => void navigate(`${documentAt(name)}/edit`)}>
          {t("edit")}
        </MayButton>
        <MayButton variant="primary" refusal={notRun} onClick={() => void navigate(runDocument(name, version === current ? undefined : version))}>
          {t("run")}
        </MayButton>
      </SpaceBetween>
      {isDeleting && (
        <ConfirmAction title={t("deleteTitle")} action={t("delete")} word={name} onConfirm={remove} onClose={() => setDeleting(false)}>
          {t("deleteText", { name })}
        </ConfirmAction>
      )}
    </>
  );
}
