import type { Role } from "@/platform/types";
import type { Translator } from "./texts";

/** What a role is for: the built-in ones in the reader's language, the others as they were described. */
export function roleDescription({ BuiltIn, RoleName, Description }: Role, t: Translator): string {
  switch (BuiltIn ? RoleName : "") {
    case "admin":
      return t("roleAdmin");
    case "operator":
      return t("roleOperator");
    case "patcher":
      return t("rolePatcher");
    case "auditor":
      return t("roleAuditor");
    case "viewer":
      return t("roleViewer");
    default:
      return Description;
  }
}
