import type { AppLayoutProps } from "@cloudscape-design/components/app-layout";
import type { ComponentType } from "react";
import { type RouteObject, createBrowserRouter } from "react-router";
import { piece } from "@/platform/code";
import { PageError } from "./PageError";
import { PageMissing } from "./PageMissing";
import { RequireCaller } from "./RequireCaller";
import { Shell } from "./Shell";

export interface RouteHandle {
  contentType?: AppLayoutProps.ContentType;
  wide?: boolean;
  bleed?: boolean;
}

type PageModule = () => Promise<{ default: ComponentType }>;

function page(path: string, load: PageModule, handle: RouteHandle = {}): RouteObject {
  return { path, handle, lazy: async () => ({ Component: (await piece(load)).default }) };
}

/** The only list of pages. */
const pages: RouteObject[] = [
  page("/", () => import("@/capabilities/overview/OverviewPage"), { contentType: "dashboard" }),
  page("/nodes", () => import("@/capabilities/fleet/NodesPage"), { contentType: "table", wide: true }),
  page("/nodes/:nodeId", () => import("@/capabilities/fleet/NodePage")),
  page("/join", () => import("@/capabilities/activations/JoinPage"), { contentType: "form" }),
  page("/activations", () => import("@/capabilities/activations/ActivationsPage"), { contentType: "table" }),
  page("/join-requests", () => import("@/capabilities/activations/JoinRequestsPage"), { contentType: "table" }),
  page("/commands", () => import("@/capabilities/commands/CommandsPage"), { contentType: "table" }),
  page("/commands/new", () => import("@/capabilities/commands/RunPage"), { contentType: "wizard" }),
  page("/approvals", () => import("@/capabilities/commands/ApprovalsPage"), { contentType: "table", wide: true }),
  page("/commands/:commandId", () => import("@/capabilities/commands/CommandPage")),
  page("/logs", () => import("@/capabilities/logs/LogsPage"), { contentType: "table", wide: true }),
  page("/logs/at", () => import("@/capabilities/logs/GroupPage"), { wide: true }),
  page("/logs/stream", () => import("@/capabilities/logs/StreamPage"), { wide: true }),
  page("/sessions", () => import("@/capabilities/sessions/SessionsPage"), { contentType: "table" }),
  page("/sessions/new", () => import("@/capabilities/sessions/NewSessionPage"), { wide: true, bleed: true }),
  page("/sessions/:sessionId", () => import("@/capabilities/sessions/TerminalPage"), { wide: true, bleed: true }),
  page("/documents", () => import("@/capabilities/documents/DocumentsPage"), { contentType: "table", wide: true }),
  page("/documents/new", () => import("@/capabilities/documents/NewDocumentPage"), { contentType: "form" }),
  page("/documents/at/:name", () => import("@/capabilities/documents/DocumentPage")),
  page("/documents/at/:name/edit", () => import("@/capabilities/documents/EditDocumentPage"), { contentType: "form" }),
  page("/parameters", () => import("@/capabilities/parameters/ParametersPage"), { contentType: "table", wide: true }),
  page("/parameters/new", () => import("@/capabilities/parameters/NewParameterPage"), { contentType: "form" }),
  page("/parameters/edit", () => import("@/capabilities/parameters/EditParameterPage"), { contentType: "form" }),
  page("/parameters/at", () => import("@/capabilities/parameters/ParameterPage")),
  page("/parameter-rules", () => import("@/capabilities/parameters/NodeRulesPage"), { contentType: "table" }),
  page("/secret-keys", () => import("@/capabilities/parameters/SecretKeysPage"), { contentType: "table" }),
  page("/tags", () => import("@/capabilities/tags/TagsPage"), { contentType: "table", wide: true }),
  page("/tag-rules", () => import("@/capabilities/tags/TagRulesPage"), { contentType: "table" }),
  page("/access-keys", () => import("@/capabilities/access/AccessKeysPage"), { contentType: "table" }),
  page("/profile", () => import("@/capabilities/access/ProfilePage")),
  page("/single-sign-on", () => import("@/capabilities/access/OidcPage"), { contentType: "form" }),
  page("/users", () => import("@/capabilities/rights/UsersPage"), { contentType: "table" }),
  page("/roles", () => import("@/capabilities/rights/RolesPage"), { contentType: "table" }),
  page("/policies", () => import("@/capabilities/rights/PoliciesPage"), { contentType: "table" }),
  page("/policies/new", () => import("@/capabilities/rights/NewPolicyPage"), { contentType: "form" }),
  page("/policies/:policyName", () => import("@/capabilities/rights/PolicyPage"), { contentType: "form" }),
  page("/limits", () => import("@/capabilities/rights/LimitsPage"), { contentType: "table" }),
  page("/login-rules", () => import("@/capabilities/rights/LoginRulesPage"), { contentType: "table" }),
  page("/groups", () => import("@/capabilities/rights/GroupsPage"), { contentType: "table" }),
  page("/who-may", () => import("@/capabilities/rights/ExplainPage")),
  page("/object-stores", () => import("@/capabilities/object_stores/StoresPage"), { contentType: "table" }),
  page("/notifications", () => import("@/capabilities/notifications/ChannelsPage"), { contentType: "table" }),
  page("/audit", () => import("@/capabilities/audit_log/AuditPage"), { contentType: "table", wide: true }),
  page("/audit/shipping", () => import("@/capabilities/audit_log/ShippingPage"), { contentType: "form" }),
  page("/responsibilities", () => import("@/capabilities/audit_log/ResponsibilitiesPage")),
  page("/hub", () => import("@/capabilities/settings/HubPage")),
];

const routes: RouteObject[] = [
  page("/setup", () => import("@/capabilities/access/SetupPage")),
  page("/login", () => import("@/capabilities/access/LoginPage")),
  page("/login/oidc", () => import("@/capabilities/access/OidcReturnPage")),
  {
    element: (
      <RequireCaller>
        <Shell />
      </RequireCaller>
    ),
    children: [
      {
        errorElement: <PageError />,
        children: [...pages, { path: "*", element: <PageMissing /> }],
      },
    ],
  },
];

export const router = createBrowserRouter([{ hydrateFallbackElement: <></>, errorElement: <PageError />, children: routes }]);
