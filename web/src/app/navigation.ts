import type { en } from "./en";

export interface NavigationEntry {
  path: string;
  text: keyof typeof en;
  /** Follows `g` on the keyboard. */
  key?: string;
}

export interface NavigationGroup {
  text: keyof typeof en;
  entries: readonly NavigationEntry[];
}

export const HOME: NavigationEntry = { path: "/", text: "overview", key: "o" };

/** The side navigation, the palette's pages and the go-keys all come from this table. */
export const NAVIGATION: readonly NavigationGroup[] = [
  {
    text: "groupNodes",
    entries: [
      { path: "/nodes", text: "nodes", key: "n" },
      { path: "/join", text: "join", key: "j" },
      { path: "/activations", text: "activations", key: "a" },
      { path: "/join-requests", text: "joinRequests", key: "q" },
      { path: "/commands/new", text: "runCommand", key: "r" },
      { path: "/commands", text: "commands", key: "c" },
      { path: "/logs", text: "logs", key: "e" },
      { path: "/approvals", text: "approvals", key: "v" },
      { path: "/sessions", text: "sessions", key: "s" },
    ],
  },
  {
    text: "groupApplications",
    entries: [
      { path: "/parameters", text: "parameters", key: "p" },
      { path: "/parameter-rules", text: "parameterRules" },
      { path: "/secret-keys", text: "secretKeys" },
      { path: "/tags", text: "tagEditor", key: "t" },
      { path: "/tag-rules", text: "tagRules" },
    ],
  },
  {
    text: "groupShared",
    entries: [{ path: "/documents", text: "documents", key: "d" }],
  },
  {
    text: "groupAccess",
    entries: [
      { path: "/users", text: "users", key: "u" },
      { path: "/roles", text: "roles" },
      { path: "/policies", text: "policies" },
      { path: "/groups", text: "groups" },
      { path: "/limits", text: "limits" },
      { path: "/login-rules", text: "loginRules" },
      { path: "/who-may", text: "whoMay", key: "w" },
      { path: "/access-keys", text: "accessKeys", key: "k" },
      { path: "/single-sign-on", text: "singleSignOn" },
    ],
  },
  {
    text: "groupSettings",
    entries: [
      { path: "/profile", text: "profile", key: "m" },
      { path: "/notifications", text: "channels" },
      { path: "/object-stores", text: "objectStores" },
      { path: "/audit", text: "audit", key: "l" },
      { path: "/responsibilities", text: "responsibilities" },
      { path: "/hub", text: "hub", key: "h" },
    ],
  },
];

export const ALL_ENTRIES: readonly NavigationEntry[] = [HOME, ...NAVIGATION.flatMap((group) => group.entries)];
