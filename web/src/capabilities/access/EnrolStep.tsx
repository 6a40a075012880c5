import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { ConfirmedTotp, LoginResult } from "@/platform/types";
import { RecoveryCodes } from "./RecoveryCodes";
import { TotpSetup } from "./TotpSetup";
import { useAccessTexts } from "./texts";

/** A role asks for a second factor: no way on without one. */
export function EnrolStep({ onEntered }: { onEntered: (login: LoginResult) => Promise<void> }) {
  const t = useAccessTexts();
  const [done, setDone] = useState<ConfirmedTotp>();
  if (done) return <RecoveryCodes codes={done.RecoveryCodes} onDone={() => void onEntered(done.Login)} />;
  return (
    <SpaceBetween size="m">
      <Box variant="p">{t("enrolNeeded")}</Box>
      <TotpSetup
        onConfirmed={(confirmed) => {
          if (confirmed.RecoveryCodes.length > 0) setDone(confirmed);
          else void onEntered(confirmed.Login);
        }}
      />
    </SpaceBetween>
  );
}
