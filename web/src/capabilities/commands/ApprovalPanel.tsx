import Alert from "@cloudscape-design/components/alert";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { MayButton } from "@/components/MayButton";
import { TimeAgo } from "@/components/TimeAgo";
import { useCaller } from "@/platform/caller";
import type { Approval } from "@/platform/types";
import type { Verdict } from "./api";
import { DecisionDialog } from "./DecisionDialog";
import { useCommandTexts } from "./texts";
import { useDecide } from "./useDecide";

/** On the page of a command that waits: who asked, until when it can be decided, and the two ways out. */
export function ApprovalPanel({ approval }: { approval: Approval }) {
  const t = useCommandTexts();
  const refusal = useDecide(approval);
  const caller = useCaller();
  const [verdict, setVerdict] = useState<Verdict>();
  const isOwn = approval.RequestedBy === caller?.UserName;
  return (
    <>
      <Alert
        type="warning"
        statusIconAriaLabel={t("decisionOpen")}
        header={t("awaitsTitle")}
        action={
          <SpaceBetween direction="horizontal" size="xs">
            <MayButton refusal={refusal("reject")} onClick={() => setVerdict("reject")}>
              {t(isOwn ? "takeBack" : "reject")}
            </MayButton>
            <MayButton refusal={refusal("approve")} onClick={() => setVerdict("approve")}>
              {t("approve")}
            </MayButton>
          </SpaceBetween>
        }
      >
        {t("awaitsText", { by: approval.RequestedBy, count: approval.NodeCount })} {t("decideUntil")}: <TimeAgo at={approval.ExpiresAt} />
      </Alert>
      {verdict && <DecisionDialog approval={approval} verdict={verdict} onClose={() => setVerdict(undefined)} />}
    </>
  );
}
