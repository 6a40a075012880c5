import Header from "@cloudscape-design/components/header";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo } from "react";
import { EmptyState } from "@/components/EmptyState";
import { sentence } from "@/components/ErrorState";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RouteLink } from "@/components/RouteLink";
import { useList } from "@/components/useList";
import { usePages } from "@/platform/pages";
import type { Verdict } from "@/platform/types";
import { type Question, whoMay } from "./api";
import { type Translator, useRightsTexts } from "./texts";

/** Every user, with the decision about them and what made it. */
export function WhoMay({ question }: { question: Question }) {
  const t = useRightsTexts();
  const list = useList("who-may");
  const pages = usePages<Verdict>({ queryKey: ["who-may", question], fetchPage: whoMay(question), size: list.size });
  const columns = useMemo(() => verdictColumns(t, question), [t, question]);
  return (
    <QueryTable
      label={t("whoMay")}
      list={list}
      pages={pages}
      columns={columns}
      trackBy={(verdict) => verdict.UserName}
      header={<Header variant="h2">{t("whoMayTitle", { action: question.action, resource: question.id || question.kind })}</Header>}
      empty={<EmptyState title={t("usersEmpty")} />}
    />
  );
}

function verdictColumns(t: Translator, { action, kind, id }: Question): Column<Verdict>[] {
  const address = (user: string) => `/who-may?${new URLSearchParams({ action, kind, id, user }).toString()}`;
  return [
    { id: "user", header: t("userName"), width: 180, isRowHeader: true, cell: ({ UserName }) => <RouteLink to={address(UserName)}>{UserName}</RouteLink> },
    { id: "may", header: t("verdict"), width: 140, cell: (verdict) => <AllowedBadge isAllowed={verdict.Allowed} /> },
    { id: "why", header: t("why"), width: 460, cell: ({ Reason }) => sentence(Reason) },
    { id: "policy", header: t("policyName"), width: 160, cell: ({ Policy }) => Policy ?? "–" },
    { id: "via", header: t("via"), width: 160, cell: ({ Via }) => Via ?? "–" },
  ];
}

export function AllowedBadge({ isAllowed }: { isAllowed: boolean }) {
  const t = useRightsTexts();
  return <StatusIndicator type={isAllowed ? "success" : "stopped"}>{t(isAllowed ? "mayYes" : "mayNo")}</StatusIndicator>;
}
