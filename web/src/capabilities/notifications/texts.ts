import { createTexts } from "@/platform/i18n/texts";
import { en } from "./en";
import { ja } from "./ja";

export const useNotificationTexts = createTexts(en, ja);
export type Translator = ReturnType<typeof useNotificationTexts>;
