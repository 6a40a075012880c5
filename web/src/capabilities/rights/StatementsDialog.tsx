import Modal from "@cloudscape-design/components/modal";
import { CopyLine } from "@/components/CopyLine";
import { useCommonTexts } from "@/components/texts";
import type { PolicyDocument } from "@/platform/types";
import { documentText } from "./statements";

interface Props {
  title: string;
  document: PolicyDocument;
  onClose: () => void;
}

/** A policy that can only be read. */
export function StatementsDialog({ title, document, onClose }: Props) {
  const t = useCommonTexts();
  return (
    <Modal visible size="large" header={title} closeAriaLabel={t("close")} onDismiss={onClose}>
      <CopyLine text={documentText(document)} label={title} />
    </Modal>
  );
}
