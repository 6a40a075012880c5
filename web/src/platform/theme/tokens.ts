import type { Theme } from "@cloudscape-design/components/theming";

const teal = { light: "#0b6e63", dark: "#3fc1ae" };
const tealStrong = { light: "#08564d", dark: "#6fd6c6" };
const tealWash = { light: "#e6f4f2", dark: "#0f322f" };
const petrol = "#0c2b31";

/** The brand over Cloudscape's default theme: about colour, type and radii only; layout and density stay. */
export const theme: Theme = {
  tokens: {
    fontFamilyBase:
      '"Inter Variable", "Hiragino Sans", "Yu Gothic UI", "Noto Sans CJK JP", "Noto Sans JP", system-ui, -apple-system, "Segoe UI", sans-serif',
    fontFamilyMonospace: '"JetBrains Mono", "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK JP", monospace',
    borderRadiusButton: "8px",
    borderRadiusContainer: "12px",
    borderRadiusInput: "6px",
    borderRadiusAlert: "10px",
    borderRadiusFlashbar: "10px",
    borderRadiusDropdown: "8px",
    colorBackgroundButtonPrimaryDefault: teal,
    colorBackgroundButtonPrimaryHover: tealStrong,
    colorBackgroundButtonPrimaryActive: { light: "#064139", dark: "#8fe2d5" },
    colorTextButtonPrimaryDefault: { light: "#ffffff", dark: "#06211f" },
    colorTextButtonPrimaryHover: { light: "#ffffff", dark: "#06211f" },
    colorTextButtonPrimaryActive: { light: "#ffffff", dark: "#06211f" },
    colorBorderButtonNormalDefault: teal,
    colorBorderButtonNormalHover: tealStrong,
    colorBorderButtonNormalActive: tealStrong,
    colorTextButtonNormalDefault: teal,
    colorTextButtonNormalHover: tealStrong,
    colorTextButtonNormalActive: tealStrong,
    colorTextButtonLinkDefault: teal,
    colorTextButtonLinkHover: tealStrong,
    colorTextButtonLinkActive: tealStrong,
    colorBackgroundButtonNormalHover: tealWash,
    colorBackgroundButtonNormalActive: { light: "#cfe8e4", dark: "#164541" },
    colorBackgroundButtonLinkHover: tealWash,
    colorBackgroundButtonLinkActive: { light: "#cfe8e4", dark: "#164541" },
    colorBackgroundToggleButtonNormalPressed: tealWash,
    colorBorderToggleButtonNormalPressed: teal,
    colorTextToggleButtonNormalPressed: teal,
    colorTextLinkDefault: teal,
    colorTextLinkHover: tealStrong,
    colorTextAccent: teal,
    colorTextLayoutToggleHover: teal,
    colorTextInteractiveHover: { light: "#08564d", dark: "#e7f6f3" },
    colorBorderItemFocused: teal,
    colorBorderItemSelected: teal,
    colorBorderInputFocused: teal,
    colorBackgroundItemSelected: tealWash,
    colorBackgroundControlChecked: teal,
    colorBackgroundSegmentActive: teal,
    colorTextSegmentHover: teal,
    colorBackgroundLayoutToggleSelectedDefault: teal,
    colorBackgroundLayoutToggleSelectedHover: tealStrong,
    colorTextDropdownItemFilterMatch: teal,
    colorBackgroundDropdownItemFilterMatch: tealWash,
    colorBackgroundProgressBarValueDefault: teal,
    colorChartsPaletteCategorical1: teal,
    colorChartsPaletteCategorical2: { light: "#2f6fb0", dark: "#7ab6ee" },
    colorChartsPaletteCategorical3: { light: "#b4572a", dark: "#f0a27c" },
    colorChartsPaletteCategorical4: { light: "#7a4fa3", dark: "#c6a1ec" },
    colorChartsPaletteCategorical5: { light: "#8a6a00", dark: "#e3c155" },
  },
  contexts: {
    "top-navigation": {
      tokens: {
        colorBackgroundContainerContent: { light: petrol, dark: petrol },
        colorTextTopNavigationTitle: { light: "#f2fbfa", dark: "#f2fbfa" },
        colorTextInteractiveDefault: { light: "#cfe5e2", dark: "#cfe5e2" },
        colorTextInteractiveHover: { light: "#ffffff", dark: "#ffffff" },
        colorTextAccent: { light: "#5fd3c2", dark: "#5fd3c2" },
        colorBorderItemFocused: { light: "#5fd3c2", dark: "#5fd3c2" },
        colorBorderDividerDefault: { light: "#24474d", dark: "#24474d" },
      },
    },
  },
};
