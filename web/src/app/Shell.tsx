import { Suspense, lazy, useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { NotificationsProvider } from "@/components/Notifications";
import { piece } from "@/platform/code";
import { useGlobalKeys } from "./keys";
import { Layout } from "./Layout";
import { StepUpDialog } from "./StepUpDialog";
import { TopBar } from "./TopBar";
import { useShellActions } from "./palette/useShellActions";
import { useAppTexts } from "./texts";

const CommandPalette = lazy(() => piece(() => import("./palette/CommandPalette")));
const KeyboardHelp = lazy(() => piece(() => import("./palette/KeyboardHelp")));
const FreezeDialog = lazy(() => piece(() => import("./FreezeDialog")));

type Dialog = "palette" | "help" | "freeze" | undefined;

/** Bar, page and the dialogs that open anywhere. */
export function Shell() {
  const t = useAppTexts();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<Dialog>();
  const keys = useMemo(
    () => ({
      palette: () => setDialog("palette"),
      help: () => setDialog("help"),
      freeze: () => setDialog("freeze"),
      go: (path: string) => void navigate(path),
    }),
    [navigate],
  );
  useGlobalKeys(keys);
  const actions = useShellActions(keys);
  return (
    <NotificationsProvider closeLabel={t("close")}>
      <header id="top-bar">
        <TopBar onPalette={keys.palette} onHelp={keys.help} onFreeze={keys.freeze} />
      </header>
      <Layout onFreeze={keys.freeze} />
      <StepUpDialog />
      <Suspense>
        {dialog === "palette" && <CommandPalette actions={actions} onClose={() => setDialog(undefined)} />}
        {dialog === "freeze" && <FreezeDialog onClose={() => setDialog(undefined)} />}
        {dialog === "help" && <KeyboardHelp onClose={() => setDialog(undefined)} />}
      </Suspense>
    </NotificationsProvider>
  );
}
