import { usePreference } from "../preferences";

export type Locale = "en" | "ja";

export function systemLocale(languages: readonly string[] = navigator.languages): Locale {
  const first = languages.find((language) => /^(en|ja)\b/i.test(language));
  return first?.toLowerCase().startsWith("ja") ? "ja" : "en";
}

export function useLocale(): Locale {
  const [language] = usePreference("language");
  return language === "system" ? systemLocale() : language;
}
