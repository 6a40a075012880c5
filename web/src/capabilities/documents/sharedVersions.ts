import type { Translator } from "./texts";

/** Which versions an account may be given, as upstream names them; any other name is that of one version. */
export function sharedVersions(t: Translator): { value: string; label: string }[] {
  return [
    { value: "$DEFAULT", label: t("sharedDefault") },
    { value: "$LATEST", label: t("sharedLatest") },
    { value: "$ALL", label: t("sharedAll") },
  ];
}

export function sharedVersionText(version: string, t: Translator): string {
  return sharedVersions(t).find(({ value }) => value === version)?.label ?? version;
}
