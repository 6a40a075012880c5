import { createTexts } from "@/platform/i18n/texts";
import { en } from "./en";
import { ja } from "./ja";

/** Words that several capabilities share. */
export const useCommonTexts = createTexts(en, ja);
