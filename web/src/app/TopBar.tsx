import TopNavigation, { type TopNavigationProps } from "@cloudscape-design/components/top-navigation";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { type Preferences, usePreference } from "@/platform/preferences";
import { useCaller } from "@/platform/caller";
import { freezeQuery } from "@/platform/freeze";
import { useAppTexts } from "./texts";
import { useLogout } from "./useLogout";

interface Props {
  onPalette: () => void;
  onHelp: () => void;
  onFreeze: () => void;
}

export function TopBar({ onPalette, onHelp, onFreeze }: Props) {
  const t = useAppTexts();
  const caller = useCaller();
  const navigate = useNavigate();
  const logout = useLogout();
  const isFrozen = useQuery(freezeQuery).data?.Frozen === true;
  const [appearance, setAppearance] = usePreference("appearance");
  const [language, setLanguage] = usePreference("language");

  const follow = (id: string) => {
    const [name, value] = id.split(":");
    if (name === "appearance") setAppearance(value as Preferences["appearance"]);
    if (name === "language") setLanguage(value as Preferences["language"]);
    if (id === "profile") void navigate("/profile");
    if (id === "help") onHelp();
    if (id === "logout") void logout();
  };

  const appearanceItems = choices(
    "appearance",
    [["system", t("appearanceSystem")], ["light", t("appearanceLight")], ["dark", t("appearanceDark")]],
    appearance,
  );
  const languageItems = choices("language", [["system", t("languageSystem")], ["en", "English"], ["ja", "日本語"]], language);

  const utilities: TopNavigationProps.Utility[] = [
    { type: "button", iconName: "search", text: t("search"), onClick: onPalette },
    { type: "button", iconName: "status-stopped", text: t(isFrozen ? "frozen" : "freeze"), badge: isFrozen, onClick: onFreeze },
    {
      type: "menu-dropdown",
      iconName: "settings",
      ariaLabel: t("display"),
      title: t("display"),
      items: [
        { id: "appearances", text: t("appearance"), items: appearanceItems },
        { id: "languages", text: t("language"), items: languageItems },
      ],
      onItemClick: ({ detail }) => follow(detail.id),
    },
    {
      type: "menu-dropdown",
      iconName: "user-profile",
      text: caller?.UserName ?? t("account"),
      items: [
        { id: "profile", text: t("profile") },
        { id: "help", text: t("keyboardHelp") },
        { id: "logout", text: t("logout") },
      ],
      onItemClick: ({ detail }) => follow(detail.id),
    },
  ];

  return (
    <TopNavigation
      identity={{
        href: "/",
        title: t("product"),
        logo: { src: "/logo.svg", alt: "" },
        onFollow: (event) => {
          event.preventDefault();
          void navigate("/");
        },
      }}
      utilities={utilities}
    />
  );
}

function choices(name: string, options: readonly [string, string][], current: string) {
  return options.map(([id, text]) => ({ id: `${name}:${id}`, text, itemType: "checkbox" as const, checked: id === current }));
}
