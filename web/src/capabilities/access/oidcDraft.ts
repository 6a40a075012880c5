import type { OidcSettings } from "@/platform/types";

/** The form's state: texts as they are typed. */
export interface OidcDraft {
  issuer: string;
  clientId: string;
  secret: string;
  label: string;
  scopes: string;
  userClaim: string;
  groupsClaim: string;
  /** One `group=role` a line. */
  roles: string;
  createsUsers: boolean;
  isSecondFactor: boolean;
  networks: string;
  authority: string;
}

export function draftOf(settings: Partial<OidcSettings> | undefined): OidcDraft {
  return {
    issuer: settings?.Issuer ?? "",
    clientId: settings?.ClientId ?? "",
    secret: "",
    label: settings?.Label ?? "Single sign-on",
    scopes: (settings?.Scopes ?? ["openid", "profile", "email"]).join(" "),
    userClaim: settings?.UserClaim ?? "preferred_username",
    groupsClaim: settings?.GroupsClaim ?? "groups",
    roles: (settings?.Roles ?? []).map(({ Group, Role }) => `${Group}=${Role}`).join("\n"),
    createsUsers: settings?.CreatesUsers ?? false,
    isSecondFactor: settings?.IsSecondFactor ?? false,
    networks: (settings?.AllowedNetworks ?? []).join("\n"),
    authority: settings?.CaPem ?? "",
  };
}

export function settingsOf(draft: OidcDraft): OidcSettings {
  return {
    Issuer: draft.issuer.trim(),
    ClientId: draft.clientId.trim(),
    Label: draft.label.trim(),
    Scopes: words(draft.scopes),
    UserClaim: draft.userClaim.trim(),
    GroupsClaim: draft.groupsClaim.trim(),
    Roles: draft.roles
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .map(givenRole),
    CreatesUsers: draft.createsUsers,
    IsSecondFactor: draft.isSecondFactor,
    AllowedNetworks: words(draft.networks),
    ...(draft.authority.trim() !== "" && { CaPem: draft.authority.trim() }),
  };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

/** A group's name may hold a `=`, a role's cannot. What is no pair goes to the hub as it is, which says what is wrong. */
function givenRole(line: string): { Group: string; Role: string } {
  const at = line.lastIndexOf("=");
  return at < 0 ? { Group: line, Role: "" } : { Group: line.slice(0, at).trim(), Role: line.slice(at + 1).trim() };
}
