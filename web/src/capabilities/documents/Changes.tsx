import ExpandableSection from "@cloudscape-design/components/expandable-section";
import { useDeferredValue, useState } from "react";
import { ComparedText } from "@/components/ComparedText";
import { useDocumentTexts } from "./texts";

interface Props {
  version: string;
  before: string;
  after: string;
}

/** What was changed since the version that one began with. */
export function Changes({ version, before, after }: Props) {
  const t = useDocumentTexts();
  const [isOpen, setOpen] = useState(false);
  // The text is typed at the same time; its keys come first.
  const shown = useDeferredValue(after);
  return (
    <ExpandableSection variant="container" headerText={t("changes", { version })} expanded={isOpen} onChange={({ detail }) => setOpen(detail.expanded)}>
      {isOpen && (before === shown ? t("sameReason") : <ComparedText before={before} after={shown} label={t("changes", { version })} context={3} />)}
    </ExpandableSection>
  );
}
