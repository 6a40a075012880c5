import Button from "@cloudscape-design/components/button";
import Input from "@cloudscape-design/components/input";
import type { SearchAddon } from "@xterm/addon-search";
import { useState } from "react";
import { useSessionTexts } from "./texts";

/** Finds text in what the terminal holds. */
export function SearchBar({ search, onClose }: { search: SearchAddon; onClose: () => void }) {
  const t = useSessionTexts();
  const [text, setText] = useState("");
  const close = () => {
    search.clearDecorations();
    onClose();
  };
  return (
    <div className="terminal-search" role="search">
      <Input
        value={text}
        type="search"
        autoFocus
        autoComplete={false}
        placeholder={t("searchPlaceholder")}
        ariaLabel={t("searchPlaceholder")}
        onChange={({ detail }) => {
          setText(detail.value);
          search.findPrevious(detail.value, { incremental: true });
        }}
        onKeyDown={({ detail }) => {
          if (detail.key === "Enter" && !detail.isComposing) {
            if (detail.shiftKey) search.findNext(text);
            else search.findPrevious(text);
          }
          if (detail.key === "Escape") close();
        }}
      />
      <Button iconName="angle-up" variant="icon" ariaLabel={t("searchPrevious")} onClick={() => search.findPrevious(text)} />
      <Button iconName="angle-down" variant="icon" ariaLabel={t("searchNext")} onClick={() => search.findNext(text)} />
      <Button iconName="close" variant="icon" ariaLabel={t("searchClose")} onClick={close} />
    </div>
  );
}
