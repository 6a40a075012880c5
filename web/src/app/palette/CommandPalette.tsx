import Box from "@cloudscape-design/components/box";
import Modal from "@cloudscape-design/components/modal";
import { useId, useState } from "react";
import { useNavigate } from "react-router";
import { FocusedInput } from "@/components/FocusedInput";
import { useAppTexts } from "../texts";
import { type PaletteAction, usePaletteEntries } from "./usePaletteEntries";
import "./palette.css";

interface Props {
  actions: readonly PaletteAction[];
  onClose: () => void;
}

/** Ctrl-K or Cmd-K: one field that leads everywhere. */
export default function CommandPalette({ actions, onClose }: Props) {
  const t = useAppTexts();
  const navigate = useNavigate();
  const listId = useId();
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const entries = usePaletteEntries(typed, actions);
  const current = Math.min(chosen, entries.length - 1);

  const go = (index: number) => {
    const entry = entries[index];
    if (!entry) return;
    onClose();
    if (entry.act) entry.act();
    else void navigate(entry.path);
  };

  const press = (key: string) => {
    if (key === "ArrowDown") setChosen(Math.min(current + 1, entries.length - 1));
    if (key === "ArrowUp") setChosen(Math.max(current - 1, 0));
    if (key === "Enter") go(current);
  };

  return (
    <Modal visible header={t("search")} closeAriaLabel={t("close")} onDismiss={onClose}>
      <FocusedInput
        value={typed}
        type="search"
        autoComplete={false}
        placeholder={t("palettePlaceholder")}
        ariaLabel={t("palettePlaceholder")}
        nativeInputAttributes={{
          role: "combobox",
          "aria-expanded": true,
          "aria-controls": listId,
          "aria-activedescendant": entries.length > 0 ? `${listId}-${current}` : undefined,
        }}
        onChange={({ detail }) => {
          setTyped(detail.value);
          setChosen(0);
        }}
        onKeyDown={(event) => {
          if (["ArrowDown", "ArrowUp", "Enter"].includes(event.detail.key) && !event.detail.isComposing) {
            event.preventDefault();
            press(event.detail.key);
          }
        }}
      />
      <div className="palette-list" role="listbox" id={listId} aria-label={t("search")}>
        {entries.map((entry, index) => (
          <div
            key={entry.id}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === current}
            className="palette-entry"
            ref={index === current ? (element) => element?.scrollIntoView({ block: "nearest" }) : undefined}
            onMouseMove={() => setChosen(index)}
            onClick={() => go(index)}
            onKeyDown={({ key }) => key === "Enter" && go(index)}
          >
            <span className="palette-text">{entry.text}</span>
            <span className="palette-hint">{entry.hint}</span>
            <span className="palette-group">{entry.group}</span>
          </div>
        ))}
      </div>
      {entries.length === 0 && (
        <Box textAlign="center" color="text-body-secondary" margin="m">
          {t("paletteEmpty")}
        </Box>
      )}
      <Box variant="small" color="text-body-secondary">
        {t("paletteHint")}
      </Box>
    </Modal>
  );
}
