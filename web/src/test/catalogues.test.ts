import { TYPE, parse } from "@formatjs/icu-messageformat-parser";
import { describe, expect, it } from "vitest";

type Catalogue = Record<string, string>;
const english = import.meta.glob<{ en: Catalogue }>("../**/en.ts", { eager: true });
const japanese = import.meta.glob<{ ja: Catalogue }>("../**/ja.ts", { eager: true });

describe.each(Object.entries(english).map(([path, { en }]) => ({ path, en })))("the catalogue $path", ({ path, en }) => {
  const ja = japanese[path.replace("en.ts", "ja.ts")]?.ja ?? {};

  it("has the same keys in both languages", () => {
    expect(Object.keys(ja).toSorted()).toEqual(Object.keys(en).toSorted());
  });

  it("uses the same values in both languages", () => {
    for (const [key, message] of Object.entries(en)) expect(placeholders(ja[key] ?? ""), key).toEqual(placeholders(message));
  });

  it("leaves no English sentence in Japanese", () => {
    const same = Object.entries(en).filter(([key, message]) => message.includes(" ") && ja[key] === message && !message.startsWith("curl "));
    expect(same).toEqual([]);
  });
});

function placeholders(message: string): string[] {
  const names = new Set<string>();
  const visit = (elements: ReturnType<typeof parse>) => {
    for (const element of elements) {
      if (element.type !== TYPE.literal && element.type !== TYPE.pound) names.add(element.value);
      if (element.type === TYPE.plural) for (const option of Object.values(element.options)) visit(option.value);
    }
  };
  visit(parse(message));
  return [...names].toSorted();
}
