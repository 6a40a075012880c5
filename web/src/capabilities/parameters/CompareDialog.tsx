import Box from "@cloudscape-design/components/box";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { ComparedText } from "@/components/ComparedText";
import type { ParameterVersion } from "./api";
import { useParameterTexts } from "./texts";

interface Props {
  older: ParameterVersion;
  newer: ParameterVersion;
  onClose: () => void;
}

/** What changed between two versions, line by line, marked by sign as well as by colour. */
export function CompareDialog({ older, newer, onClose }: Props) {
  const t = useParameterTexts();
  const isSecret = newer.Type === "SecureString";
  // Each version is sealed anew: the same secret twice looks different.
  const isSame = !isSecret && older.Value === newer.Value;
  return (
    <Modal
      visible
      size="large"
      header={t("compareTitle", { old: older.Version, new: newer.Version })}
      closeAriaLabel={t("close")}
      onDismiss={onClose}
    >
      <SpaceBetween size="s">
        {isSecret && <Box>{t("compareSealed")}</Box>}
        {isSame && <Box>{t("same")}</Box>}
        {!isSecret && !isSame && <ComparedText before={older.Value} after={newer.Value} label={t("compare")} />}
      </SpaceBetween>
    </Modal>
  );
}
