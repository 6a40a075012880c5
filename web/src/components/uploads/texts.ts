import { createTexts } from "@/platform/i18n/texts";
import { en } from "./en";
import { ja } from "./ja";

export const useUploadTexts = createTexts(en, ja);
