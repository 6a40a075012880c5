import Box from "@cloudscape-design/components/box";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ParameterVersion } from "./api";
import { type Line, compareLines } from "./lines";
import "./parameters.css";
import { useParameterTexts } from "./texts";

interface Props {
  older: ParameterVersion;
  newer: ParameterVersion;
  onClose: () => void;
}

const SIGNS: Record<Line["kind"], string> = { same: " ", removed: "-", added: "+" };

/** What changed between two versions, line by line, marked by sign as well as by colour. */
export function CompareDialog({ older, newer, onClose }: Props) {
  const t = useParameterTexts();
  const isSecret = newer.Type === "SecureString";
  const lines = isSecret ? [] : compareLines(older.Value, newer.Value);
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
        {!isSecret && !isSame && (
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- long lines scroll, so the keyboard must reach them
          <pre className="code-block compared" role="region" tabIndex={0} aria-label={t("compare")}>
            {lines.map((line, at) => (
              // oxlint-disable-next-line react/no-array-index-key -- lines repeat and never move
              <div key={at} className={`compared-${line.kind}`}>
                {SIGNS[line.kind]} {line.text}
              </div>
            ))}
          </pre>
        )}
      </SpaceBetween>
    </Modal>
  );
}
