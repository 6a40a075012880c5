import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import { useList } from "@/components/useList";
import { useMay } from "@/components/useMay";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import type { Policy } from "@/platform/types";
import { deletePolicy, listPolicies } from "./api";
import { type Translator, useRightsTexts } from "./texts";

const ACTIONS = ["roadstead:PutPolicy", "roadstead:DeletePolicy"] as const;

export default function PoliciesPage() {
  const t = useRightsTexts();
  const may = useMay({ kind: "policy" }, ACTIONS);
  const notify = useNotify();
  const navigate = useNavigate();
  const client = useQueryClient();
  const list = useList("policies");
  const [selected, setSelected] = useState<Policy[]>([]);
  const [isDeleting, setDeleting] = useState(false);
  const pages = usePages<Policy>({ queryKey: ["policies"], fetchPage: listPolicies, size: list.size });
  const columns = useMemo(() => policyColumns(t), [t]);
  const chosen = selected[0];
  usePage(t("policies"));

  const remove = async ({ PolicyName }: Policy) => {
    await deletePolicy(PolicyName);
    setSelected([]);
    void client.invalidateQueries({ queryKey: ["policies"] });
    notify({ type: "success", content: t("policyDeleted", { name: PolicyName }) });
  };
  const noPut = may("roadstead:PutPolicy");
  const isUsed = chosen !== undefined && chosen.AttachedTo.length > 0;
  const noDelete = may("roadstead:DeletePolicy") ?? (chosen ? (isUsed ? t("policyUsed") : undefined) : t("policyChoose"));

  return (
    <>
      <QueryTable
        label={t("policies")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={(policy) => policy.PolicyName}
        variant="full-page"
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("policiesHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button disabled={noDelete !== undefined} disabledReason={noDelete} onClick={() => setDeleting(true)}>
                  {t("delete")}
                </Button>
                <Button disabled={noPut !== undefined} disabledReason={noPut} onClick={() => void navigate("/policies/new?from=iam")}>
                  {t("policyImport")}
                </Button>
                <Button variant="primary" disabled={noPut !== undefined} disabledReason={noPut} onClick={() => void navigate("/policies/new")}>
                  {t("policyCreate")}
                </Button>
              </SpaceBetween>
            }
          >
            {t("policies")}
          </Header>
        }
        empty={
          <EmptyState title={t("policiesEmpty")} action={<RouteButton to="/policies/new">{t("policyCreate")}</RouteButton>}>
            {t("policiesEmptyHelp")}
          </EmptyState>
        }
      />
      {isDeleting && chosen && (
        <ConfirmAction title={t("policyDeleteTitle")} action={t("delete")} word={chosen.PolicyName} onConfirm={() => remove(chosen)} onClose={() => setDeleting(false)}>
          {t("policyDeleteText", { name: chosen.PolicyName })}
        </ConfirmAction>
      )}
    </>
  );
}

function policyColumns(t: Translator): Column<Policy>[] {
  return [
    { id: "name", header: t("policyName"), width: 240, isRowHeader: true, cell: ({ PolicyName }) => <RouteLink to={`/policies/${PolicyName}`}>{PolicyName}</RouteLink> },
    { id: "description", header: t("description"), width: 280, cell: ({ Description }) => Description || "–" },
    { id: "attached", header: t("attachedTo"), width: 240, cell: ({ AttachedTo }) => AttachedTo.map(({ Kind, Name }) => `${t(Kind === "role" ? "role" : "user")} ${Name}`).join(", ") || "–" },
    { id: "by", header: t("updatedBy"), width: 130, cell: ({ UpdatedBy }) => UpdatedBy },
    { id: "updated", header: t("updated"), width: 160, cell: ({ UpdatedAt }) => <TimeAgo at={UpdatedAt} /> },
  ];
}
