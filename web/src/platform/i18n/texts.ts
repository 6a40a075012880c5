import { IntlMessageFormat } from "intl-messageformat";
import { useMemo } from "react";
import { type Locale, useLocale } from "./locale";

export type Catalogue = Record<string, string>;
export type Values = Record<string, string | number>;
export type Translate<Key extends string> = (key: Key, values?: Values) => string;

const compiled = new Map<string, IntlMessageFormat>();

export function format(message: string, values: Values | undefined, locale: Locale): string {
  if (!message.includes("{")) return message;
  const id = `${locale}:${message}`;
  let formatter = compiled.get(id);
  if (!formatter) {
    formatter = new IntlMessageFormat(message, locale);
    compiled.set(id, formatter);
  }
  return String(formatter.format(values));
}

/**
 * Binds a capability's two catalogues to a hook. The Japanese one must have exactly the English keys: what is missing
 * fails the type check.
 */
export function createTexts<const English extends Catalogue>(
  en: English,
  ja: Record<keyof English, string>,
): () => Translate<keyof English & string> {
  return function useTexts() {
    const locale = useLocale();
    return useMemo(() => {
      const catalogue: Record<keyof English, string> = locale === "ja" ? ja : en;
      return (key, values) => format(catalogue[key], values, locale);
    }, [locale]);
  };
}
