import Box from "@cloudscape-design/components/box";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import type { ReactNode } from "react";
import { useLocale } from "@/platform/i18n/locale";
import { setPreference } from "@/platform/preferences";

/** The pages before login: brand, one card, the choice of language. */
export function PublicFrame({ hubName, version, children }: { hubName?: string; version?: string; children: ReactNode }) {
  const locale = useLocale();
  return (
    <main className="public-frame">
      <div className="public-brand">
        <img src="/logo.svg" alt="" width="40" height="40" />
        <span>Roadstead</span>
      </div>
      <div className="public-card">{children}</div>
      <div className="public-foot">
        <SegmentedControl
          selectedId={locale}
          label="Language / 言語"
          options={[
            { id: "en", text: "English" },
            { id: "ja", text: "日本語" },
          ]}
          onChange={({ detail }) => setPreference("language", detail.selectedId === "ja" ? "ja" : "en")}
        />
        <Box variant="small" color="text-body-secondary">
          {[hubName, version].filter(Boolean).join(" · ")}
        </Box>
      </div>
    </main>
  );
}
