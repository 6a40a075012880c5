import { Mode, applyMode } from "@cloudscape-design/global-styles";
import { useEffect, useSyncExternalStore } from "react";
import { useLocale } from "@/platform/i18n/locale";
import { usePreference } from "@/platform/preferences";

const DARK = "(prefers-color-scheme: dark)";

function watchSystem(listener: () => void): () => void {
  const media = window.matchMedia(DARK);
  media.addEventListener("change", listener);
  return () => media.removeEventListener("change", listener);
}

/** Keeps the document's mode and language in step with what the person chose. */
export function useAppearance(): void {
  const [appearance] = usePreference("appearance");
  const systemIsDark = useSyncExternalStore(watchSystem, () => window.matchMedia(DARK).matches);
  const isDark = appearance === "dark" || (appearance === "system" && systemIsDark);
  const locale = useLocale();
  useEffect(() => {
    applyMode(isDark ? Mode.Dark : Mode.Light);
    document.documentElement.style.colorScheme = isDark ? "dark" : "light";
  }, [isDark]);
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
}
