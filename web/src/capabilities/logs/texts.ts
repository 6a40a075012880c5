import { createTexts } from "@/platform/i18n/texts";
import { en } from "./en";
import { ja } from "./ja";

export const useLogsTexts = createTexts(en, ja);
export type Translator = ReturnType<typeof useLogsTexts>;
