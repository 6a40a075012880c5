import Alert from "@cloudscape-design/components/alert";
import AppLayout from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import { Suspense, lazy, useMemo, useState } from "react";
import { Outlet, useMatches, useNavigate } from "react-router";
import { NotificationsProvider, useNotificationBar } from "@/components/Notifications";
import { type Crumb, CrumbContext } from "@/components/usePage";
import { useLiveState } from "@/platform/live";
import { useGlobalKeys } from "./keys";
import type { RouteHandle } from "./routes";
import { SideBar } from "./SideBar";
import { TopBar } from "./TopBar";
import { useAppTexts } from "./texts";

const CommandPalette = lazy(() => import("./palette/CommandPalette"));
const KeyboardHelp = lazy(() => import("./palette/KeyboardHelp"));

type Dialog = "palette" | "help" | undefined;

/** Bar, navigation and the page between them. */
export function Shell() {
  const t = useAppTexts();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<Dialog>();
  const keys = useMemo(
    () => ({ palette: () => setDialog("palette"), help: () => setDialog("help"), go: (path: string) => void navigate(path) }),
    [navigate],
  );
  useGlobalKeys(keys);
  return (
    <NotificationsProvider closeLabel={t("close")}>
      <header id="top-bar">
        <TopBar onPalette={keys.palette} onHelp={keys.help} />
      </header>
      <Layout />
      <Suspense>
        {dialog === "palette" && <CommandPalette onClose={() => setDialog(undefined)} />}
        {dialog === "help" && <KeyboardHelp onClose={() => setDialog(undefined)} />}
      </Suspense>
    </NotificationsProvider>
  );
}

function Layout() {
  const t = useAppTexts();
  const navigate = useNavigate();
  const bar = useNotificationBar();
  const liveState = useLiveState();
  const handle = useMatches().at(-1)?.handle as RouteHandle | undefined;
  const [isOpen, setOpen] = useState(true);
  const [crumbs, setCrumbs] = useState<readonly Crumb[]>([]);
  const lost = liveState === "lost" && (
    <Alert type="warning" statusIconAriaLabel={t("notifications")}>
      {t("liveLost")}
    </Alert>
  );
  return (
    <CrumbContext value={setCrumbs}>
      <AppLayout
        headerSelector="#top-bar"
        navigation={<SideBar />}
        navigationOpen={isOpen}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        navigationWidth={248}
        toolsHide
        notifications={lost ? <>{lost}{bar}</> : bar}
        stickyNotifications
        contentType={handle?.contentType ?? "default"}
        maxContentWidth={handle?.wide ? Number.MAX_VALUE : undefined}
        disableContentPaddings={handle?.bleed ?? false}
        breadcrumbs={
          crumbs.length > 0 && (
            <BreadcrumbGroup
              items={crumbs}
              onFollow={(event) => {
                event.preventDefault();
                void navigate(event.detail.href);
              }}
            />
          )
        }
        content={<Outlet />}
        ariaLabels={{
          navigation: t("navigation"),
          navigationToggle: t("navigationOpen"),
          navigationClose: t("navigationClose"),
          notifications: t("notifications"),
        }}
      />
    </CrumbContext>
  );
}
