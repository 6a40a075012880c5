import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { TimeAgo } from "@/components/TimeAgo";
import { useAttempt } from "@/components/useAttempt";
import { useList } from "@/components/useList";
import { call } from "@/platform/api";
import { useCaller } from "@/platform/caller";
import { usePages } from "@/platform/pages";
import type { LoginSession } from "@/platform/types";
import { listLoginSessions } from "./api";
import { type Translator, useAccessTexts } from "./texts";

/** Where the caller is logged in, and how to end it. */
export function LoginSessions() {
  const t = useAccessTexts();
  const notify = useNotify();
  const attempt = useAttempt();
  const me = useCaller()?.UserName ?? "";
  const [selected, setSelected] = useState<LoginSession[]>([]);
  const list = useList("login-sessions", []);
  const pages = usePages<LoginSession>({
    queryKey: ["login-sessions", me],
    fetchPage: (_, __, signal) => listLoginSessions(me, signal),
    size: list.size,
  });
  const columns = useMemo(() => sessionColumns(t), [t]);
  const chosen = selected[0];

  const end = async (session: LoginSession) => {
    await call("Roadstead.RevokeLoginSession", { LoginSessionId: session.LoginSessionId });
    setSelected([]);
    pages.refresh();
    notify({ type: "success", content: t("sessionEnded") });
  };
  const endOthers = async () => {
    const { Revoked } = await call("Roadstead.RevokeLoginSessions", {});
    pages.refresh();
    notify({ type: "success", content: t("sessionAllEnded", { count: Revoked }) });
  };

  return (
    <QueryTable
      label={t("sessionsTitle")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={(session) => session.LoginSessionId}
      variant="container"
      selected={selected}
      selectionType="single"
      onSelect={setSelected}
      header={
        <Header
          variant="h2"
          description={t("sessionsHelp")}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button
                disabled={!chosen || chosen.IsCurrent}
                disabledReason={t("sessionEndReason")}
                onClick={() => chosen && void attempt(() => end(chosen))}
              >
                {t("sessionEnd")}
              </Button>
              <Button onClick={() => void attempt(endOthers)}>{t("sessionEndAll")}</Button>
            </SpaceBetween>
          }
        >
          {t("sessionsTitle")}
        </Header>
      }
      empty={<EmptyState title={t("sessionsEmpty")} />}
    />
  );
}

/** The hub's words for the ways in; one that is not known here stays as it is. */
const METHODS = {
  password: "methodPassword",
  "password and code": "methodCode",
  "password and recovery code": "methodRecovery",
  passkey: "methodPasskey",
  "single sign-on": "methodProvider",
  "single sign-on and code": "methodProviderCode",
  "single sign-on and recovery code": "methodProviderRecovery",
} as const;

function methodText(method: string, t: Translator): string {
  return method in METHODS ? t(METHODS[method as keyof typeof METHODS]) : method;
}

function sessionColumns(t: Translator): Column<LoginSession>[] {
  return [
    { id: "address", header: t("sessionAddress"), width: 150, isRowHeader: true, cell: (session) => session.Address },
    {
      id: "current",
      header: t("sessionCurrent"),
      width: 130,
      cell: (session) => (session.IsCurrent ? <StatusIndicator>{t("sessionCurrent")}</StatusIndicator> : "–"),
    },
    { id: "method", header: t("sessionMethod"), width: 150, cell: ({ Method }) => methodText(Method, t) },
    { id: "created", header: t("sessionCreated"), width: 150, cell: (session) => <TimeAgo at={session.CreatedAt} /> },
    { id: "seen", header: t("sessionSeen"), width: 150, cell: (session) => <TimeAgo at={session.LastSeenAt} /> },
    { id: "agent", header: t("sessionAgent"), width: 280, cell: (session) => session.Agent },
  ];
}
