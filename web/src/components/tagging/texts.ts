import { createTexts } from "@/platform/i18n/texts";
import { en } from "./en";
import { ja } from "./ja";

/** What is tagged: nodes alone, or resources of any kind. */
export type Noun = "node" | "resource";

const useNodeTexts = createTexts(en, ja);
const useResourceTexts = createTexts(
  said(en, [
    ["nodes", "resources"],
    ["node", "resource"],
  ]),
  said(ja, [
    ["台のノード", "件のリソース"],
    ["ノード", "リソース"],
    ["台", "件"],
  ]),
);

export type Translator = ReturnType<typeof useNodeTexts>;

export function useTaggingTexts(noun: Noun): Translator {
  const texts = { node: useNodeTexts(), resource: useResourceTexts() };
  return texts[noun];
}

/** The same sentences with other words. */
function said<Key extends string>(texts: Record<Key, string>, words: readonly (readonly [string, string])[]): Record<Key, string> {
  const other = (text: string) => words.reduce((all, [from, to]) => all.replaceAll(from, to), text);
  const entries = Object.entries<string>(texts).map(([key, text]) => [key, other(text)]);
  return Object.fromEntries(entries) as Record<Key, string>;
}
