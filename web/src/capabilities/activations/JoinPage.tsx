import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import { useState } from "react";
import { usePage } from "@/components/usePage";
import type { JoinLine } from "@/platform/types";
import { JoinForm } from "./JoinForm";
import { JoinReady } from "./JoinReady";
import { useActivationTexts } from "./texts";

/** First for whom, then the line and who comes in with it. */
export default function JoinPage() {
  const t = useActivationTexts();
  const [made, setMade] = useState<{ line: JoinLine; count: number }>();
  usePage(t("joinTitle"));
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={t("joinHelp")}>
          {t("joinTitle")}
        </Header>
      }
    >
      {made ? (
        <JoinReady line={made.line} count={made.count} onAnother={() => setMade(undefined)} />
      ) : (
        <JoinForm onMade={(line, count) => setMade({ line, count })} />
      )}
    </ContentLayout>
  );
}
