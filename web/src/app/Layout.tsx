import Alert from "@cloudscape-design/components/alert";
import AppLayout from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import { useQueryClient } from "@tanstack/react-query";
import { Suspense, lazy, useCallback, useMemo, useState } from "react";
import { Outlet, useMatches, useNavigate } from "react-router";
import { PanelContext, type PanelRequest } from "@/components/BottomPanel";
import { useNotificationBar } from "@/components/Notifications";
import { type Crumb, CrumbContext } from "@/components/usePage";
import { piece } from "@/platform/code";
import { useLiveState } from "@/platform/live";
import { useIsHubLost, useWhenHubIsBack } from "@/platform/reach";
import { FreezeBanner } from "./FreezeBanner";
import type { RouteHandle } from "./routes";
import { SideBar } from "./SideBar";
import { useAppTexts } from "./texts";

const SplitPanel = lazy(() => piece(() => import("@cloudscape-design/components/split-panel")));

const PANEL_PX = 460;

/** The library gives the bar of narrow windows an attribute that a `nav` must not have. */
function mend(layout: HTMLElement | null): () => void {
  const narrow = window.matchMedia("(max-width: 700px)");
  const take = () => narrow.matches && layout?.querySelector("nav[aria-orientation]")?.removeAttribute("aria-orientation");
  const observer = new MutationObserver(take);
  if (layout) observer.observe(layout, { childList: true, subtree: true });
  take();
  return () => observer.disconnect();
}

declare module "react" {
  interface CSSProperties {
    "--panel-height"?: string;
  }
}

/** Everything below the bar: navigation, messages, the page and its panel. */
export function Layout({ onFreeze }: { onFreeze: () => void }) {
  const t = useAppTexts();
  const navigate = useNavigate();
  const bar = useNotificationBar();
  const client = useQueryClient();
  const isLost = useIsHubLost();
  const isLiveLost = useLiveState() === "lost";
  useWhenHubIsBack(useCallback(() => void client.invalidateQueries(), [client]));
  const handle = useMatches().at(-1)?.handle as RouteHandle | undefined;
  const [isOpen, setOpen] = useState(true);
  const [crumbs, setCrumbs] = useState<readonly Crumb[]>([]);
  const [panel, setPanel] = useState<PanelRequest>();
  const [panelSize, setPanelSize] = useState(PANEL_PX);
  const [panelPosition, setPanelPosition] = useState<"side" | "bottom">("bottom");
  const [target, setTarget] = useState<HTMLElement | null>(null);
  const slot = useMemo(() => ({ target, request: setPanel }), [target]);
  return (
    <CrumbContext value={setCrumbs}>
      <PanelContext value={slot}>
        <div ref={mend} className={isOpen ? undefined : "navigation-closed"}>
          <AppLayout
            headerSelector="#top-bar"
            navigation={<SideBar />}
            navigationOpen={isOpen}
            onNavigationChange={({ detail }) => setOpen(detail.open)}
            navigationWidth={248}
            toolsHide
            notifications={
              <>
                <FreezeBanner onEnd={onFreeze} />
                {(isLost || isLiveLost) && <Alert type="warning">{t(isLost ? "hubLost" : "liveLost")}</Alert>}
                {bar}
              </>
            }
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
            splitPanelSize={panelSize}
            onSplitPanelResize={({ detail }) => setPanelSize(detail.size)}
            splitPanelPreferences={{ position: panelPosition }}
            onSplitPanelPreferencesChange={({ detail }) => setPanelPosition(detail.position)}
            splitPanelOpen={panel !== undefined}
            onSplitPanelToggle={({ detail }) => !detail.open && panel?.onClose()}
            splitPanel={
              panel && (
                <Suspense>
                  <SplitPanel header={panel.header} closeBehavior="hide">
                    <div ref={setTarget} className="panel-slot" style={{ "--panel-height": panelPosition === "side" ? "100vh" : `${panelSize}px` }} />
                  </SplitPanel>
                </Suspense>
              )
            }
            ariaLabels={{
              navigation: t("navigation"),
              navigationToggle: t("navigationOpen"),
              navigationClose: t("navigationClose"),
              notifications: t("notifications"),
            }}
          />
        </div>
      </PanelContext>
    </CrumbContext>
  );
}
