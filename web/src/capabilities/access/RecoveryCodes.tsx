import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { CopyLine } from "@/components/CopyLine";
import { useAccessTexts } from "./texts";

/** The codes, this one time. */
export function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const t = useAccessTexts();
  return (
    <SpaceBetween size="m">
      <Alert type="warning">{t("recoveryOnce")}</Alert>
      <CopyLine text={codes.join("\n")} label={t("recoveryCodes")} />
      <Button variant="primary" onClick={onDone}>
        {t("recoveryKept")}
      </Button>
    </SpaceBetween>
  );
}
