import Alert, { type AlertProps } from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import type { ReactNode } from "react";
import { RouteButton } from "@/components/RouteButton";
import { shellOn } from "@/platform/links";
import type { ConnectionState } from "./connection";
import type { EndReason, Ended } from "./frames";
import { type Translator, useSessionTexts } from "./texts";

interface Props {
  state: ConnectionState;
  nodeId: string;
  onConnect: (takeOver: boolean) => void;
}

/** Says in words when the shell is not simply there, and what can be done. */
export function ConnectionBanner({ state, nodeId, onConnect }: Props) {
  const t = useSessionTexts();
  const again = nodeId !== "" && <RouteButton to={shellOn(nodeId)}>{t("newShell")}</RouteButton>;
  const takeOver = (text: string) => <Button onClick={() => onConnect(true)}>{text}</Button>;
  switch (state.name) {
    case "lost":
      return banner("warning", t("lostBanner"));
    case "inUse":
      return banner("warning", t("inUseBanner"), takeOver(t("takeOver")));
    case "failed":
      return banner("error", t("failedBanner", { message: state.message }), again);
    case "ended":
      return state.ended.reason === "TakenOver"
        ? banner("warning", t("takenOver"), takeOver(t("takeBack")))
        : banner("info", endSentence(state.ended, t), again);
    default:
      return null;
  }
}

function banner(type: AlertProps.Type, text: string, action?: ReactNode) {
  return (
    <div className="terminal-banner" role="status">
      <Alert type={type} action={action}>
        {text}
      </Alert>
    </div>
  );
}

const SENTENCES: Record<Exclude<EndReason, "Exited" | "StartFailed" | "Refused">, Parameters<Translator>[0]> = {
  Terminated: "endedTerminated",
  IdleTimeout: "endedIdle",
  MaxDuration: "endedMax",
  Abandoned: "endedAbandoned",
  Unknown: "endedUnknown",
  TakenOver: "takenOver",
};

function endSentence({ reason, exit_code, message }: Ended, t: Translator): string {
  if (reason === "StartFailed" || reason === "Refused") return t("endedFailed", { message });
  if (reason === "Exited") return exit_code === null ? t("endedBanner") : t("endedExit", { code: exit_code });
  return t(SENTENCES[reason] ?? "endedBanner");
}
