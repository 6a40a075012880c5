import { useMemo } from "react";
import { setPreference } from "@/platform/preferences";
import { useAppTexts } from "../texts";
import { useLogout } from "../useLogout";
import type { PaletteAction } from "./usePaletteEntries";

interface Dialogs {
  help: () => void;
  freeze: () => void;
}

/** What can be done from anywhere. */
export function useShellActions({ help, freeze }: Dialogs): readonly PaletteAction[] {
  const t = useAppTexts();
  const logout = useLogout();
  return useMemo(
    () => [
      { id: "appearance:light", text: `${t("appearance")}: ${t("appearanceLight")}`, act: () => setPreference("appearance", "light") },
      { id: "appearance:dark", text: `${t("appearance")}: ${t("appearanceDark")}`, act: () => setPreference("appearance", "dark") },
      { id: "appearance:system", text: `${t("appearance")}: ${t("appearanceSystem")}`, act: () => setPreference("appearance", "system") },
      { id: "language:en", text: `${t("language")}: English`, act: () => setPreference("language", "en") },
      { id: "language:ja", text: `${t("language")}: 日本語`, act: () => setPreference("language", "ja") },
      { id: "help:keyboard", text: t("keyboardHelp"), act: help },
      { id: "freeze", text: t("freezeSwitch"), act: freeze },
      { id: "logout", text: t("logout"), act: () => void logout() },
    ],
    [t, logout, help, freeze],
  );
}
