import { createTexts } from "@/platform/i18n/texts";
import { en } from "./en";
import { ja } from "./ja";

export const useObjectStoreTexts = createTexts(en, ja);
export type Translator = ReturnType<typeof useObjectStoreTexts>;
