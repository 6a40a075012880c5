import { I18nProvider, type I18nProviderProps } from "@cloudscape-design/components/i18n";
import english from "@cloudscape-design/components/i18n/messages/all.en";
import { type ReactNode, useEffect, useState } from "react";
import { useLocale } from "@/platform/i18n/locale";

/** The component library's own words. English is at hand, Japanese is fetched when it is wanted. */
export function CloudscapeTexts({ children }: { children: ReactNode }) {
  const locale = useLocale();
  const [japanese, setJapanese] = useState<I18nProviderProps.Messages>();
  useEffect(() => {
    if (locale !== "ja") return;
    void import("@cloudscape-design/components/i18n/messages/all.ja").then((module) => setJapanese(module.default));
  }, [locale]);
  const messages = locale === "ja" && japanese ? [japanese] : [english];
  return (
    <I18nProvider locale={locale} messages={messages}>
      {children}
    </I18nProvider>
  );
}
