import SideNavigation from "@cloudscape-design/components/side-navigation";
import { useLocation, useNavigate } from "react-router";
import { ALL_ENTRIES, HOME, NAVIGATION } from "./navigation";
import { useAppTexts } from "./texts";

export function SideBar() {
  const t = useAppTexts();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  return (
    <SideNavigation
      activeHref={activeEntry(pathname)}
      items={[
        { type: "link", text: t(HOME.text), href: HOME.path },
        ...NAVIGATION.map((group) => ({
          type: "section-group" as const,
          title: t(group.text),
          items: group.entries.map((entry) => ({ type: "link" as const, text: t(entry.text), href: entry.path })),
        })),
      ]}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(event.detail.href);
      }}
    />
  );
}

/** The entry with the longest path that the address starts with: `/commands/x` belongs to `/commands`. */
export function activeEntry(pathname: string): string {
  const fitting = ALL_ENTRIES.filter(({ path }) => pathname === path || (path !== "/" && pathname.startsWith(`${path}/`)));
  return fitting.toSorted((a, b) => b.path.length - a.path.length)[0]?.path ?? "";
}
