import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { pastedLines } from "./paste";
import { useSessionTexts } from "./texts";

interface Props {
  text: string;
  onPaste: () => void;
  onClose: () => void;
}

/** Shows what is about to be typed into the shell when it has line breaks. */
export function PasteGuard({ text, onPaste, onClose }: Props) {
  const t = useSessionTexts();
  return (
    <Modal
      visible
      header={t("pasteTitle", { count: pastedLines(text) })}
      closeAriaLabel={t("close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {t("pasteCancel")}
            </Button>
            <Button
              variant="primary"
              onClick={() => {
                onPaste();
                onClose();
              }}
            >
              {t("paste")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="s">
        <Box variant="p">{t("pasteHelp")}</Box>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
        <pre className="paste-preview" role="region" aria-label={t("pasteText")} tabIndex={0}>
          {text}
        </pre>
      </SpaceBetween>
    </Modal>
  );
}
