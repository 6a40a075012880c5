import { Suspense, lazy, useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { NotificationsProvider } from "@/components/Notifications";
import { useGlobalKeys } from "./keys";
import { Layout } from "./Layout";
import { StepUpDialog } from "./StepUpDialog";
import { TopBar } from "./TopBar";
import { useShellActions } from "./palette/useShellActions";
import { useAppTexts } from "./texts";

const CommandPalette = lazy(() => import("./palette/CommandPalette"));
const KeyboardHelp = lazy(() => import("./palette/KeyboardHelp"));

type Dialog = "palette" | "help" | undefined;

/** Bar, page and the two dialogs that the keyboard opens anywhere. */
export function Shell() {
  const t = useAppTexts();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<Dialog>();
  const keys = useMemo(
    () => ({ palette: () => setDialog("palette"), help: () => setDialog("help"), go: (path: string) => void navigate(path) }),
    [navigate],
  );
  useGlobalKeys(keys);
  const actions = useShellActions(keys.help);
  return (
    <NotificationsProvider closeLabel={t("close")}>
      <header id="top-bar">
        <TopBar onPalette={keys.palette} onHelp={keys.help} />
      </header>
      <Layout />
      <StepUpDialog />
      <Suspense>
        {dialog === "palette" && <CommandPalette actions={actions} onClose={() => setDialog(undefined)} />}
        {dialog === "help" && <KeyboardHelp onClose={() => setDialog(undefined)} />}
      </Suspense>
    </NotificationsProvider>
  );
}
