import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useNavigate } from "react-router";
import type { Column } from "@/components/QueryTable";
import { RouteButton } from "@/components/RouteButton";
import { RouteLink } from "@/components/RouteLink";
import { TimeAgo } from "@/components/TimeAgo";
import type { Policy } from "@/platform/types";
import { deletePolicy, listPolicies } from "./api";
import { NamedList } from "./NamedList";
import { type Translator, useRightsTexts } from "./texts";

const ACTIONS = { create: "roadstead:PutPolicy", update: "roadstead:PutPolicy", delete: "roadstead:DeletePolicy" } as const;
const TEXTS = {
  title: "policies",
  help: "policiesHelp",
  choose: "policyChoose",
  create: "policyCreate",
  deleteTitle: "policyDeleteTitle",
  deleteText: "policyDeleteText",
  deleted: "policyDeleted",
  empty: "policiesEmpty",
  emptyHelp: "policiesEmptyHelp",
} as const;

export default function PoliciesPage() {
  const t = useRightsTexts();
  const navigate = useNavigate();
  return (
    <NamedList<Policy>
      name="policies"
      kind="policy"
      fetchPage={listPolicies}
      nameOf={nameOf}
      columns={policyColumns}
      actions={ACTIONS}
      remove={({ PolicyName }) => deletePolicy(PolicyName)}
      texts={TEXTS}
      used={({ AttachedTo }) => (AttachedTo.length > 0 ? t("policyUsed") : undefined)}
      make={(refusal) => (
        <SpaceBetween direction="horizontal" size="xs">
          <Button disabled={refusal !== undefined} disabledReason={refusal} onClick={() => void navigate("/policies/new?from=iam")}>
            {t("policyImport")}
          </Button>
          <Button variant="primary" disabled={refusal !== undefined} disabledReason={refusal} onClick={() => void navigate("/policies/new")}>
            {t("policyCreate")}
          </Button>
        </SpaceBetween>
      )}
      emptyAction={<RouteButton to="/policies/new">{t("policyCreate")}</RouteButton>}
    />
  );
}

const nameOf = ({ PolicyName }: Policy) => PolicyName;

function policyColumns(t: Translator): Column<Policy>[] {
  return [
    { id: "name", header: t("policyName"), width: 240, isRowHeader: true, cell: ({ PolicyName }) => <RouteLink to={`/policies/${PolicyName}`}>{PolicyName}</RouteLink> },
    { id: "description", header: t("description"), width: 280, cell: ({ Description }) => Description || "–" },
    { id: "attached", header: t("attachedTo"), width: 240, cell: ({ AttachedTo }) => AttachedTo.map(({ Kind, Name }) => `${t(Kind === "role" ? "role" : "user")} ${Name}`).join(", ") || "–" },
    { id: "by", header: t("updatedBy"), width: 130, cell: ({ UpdatedBy }) => UpdatedBy },
    { id: "updated", header: t("updated"), width: 160, cell: ({ UpdatedAt }) => <TimeAgo at={UpdatedAt} /> },
  ];
}
