import { generateThemeStylesheet } from "@cloudscape-design/components/theming";
import { theme } from "./tokens";

/** Run by scripts/theme.mjs at build time only; nothing of the console imports it. */
export const css = generateThemeStylesheet({ theme });
