import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { EmptyState } from "@/components/EmptyState";
import { MayButton } from "@/components/MayButton";
import { QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { useCommonTexts } from "@/components/texts";
import { TokenFilter } from "@/components/TokenFilter";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { EMPTY_FILTER, isEmpty } from "@/platform/filter";
import { usePages } from "@/platform/pages";
import type { Approval } from "@/platform/types";
import { viewFromParams, viewToParams } from "@/platform/view";
import { type Verdict, listApprovals } from "./api";
import { approvalColumns } from "./approvalColumns";
import { APPROVAL_KEYS } from "./approvals";
import { DecisionDialog } from "./DecisionDialog";
import { useCommandTexts } from "./texts";
import { useDecide } from "./useDecide";

const REFRESH_MS = 5000;

/** Commands that wait for somebody else's word, and what became of earlier ones. */
export default function ApprovalsPage() {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const [params, setParams] = useSearchParams();
  const list = useList("approvals");
  const [selected, setSelected] = useState<Approval[]>([]);
  const [verdict, setVerdict] = useState<Verdict>();
  const view = useMemo(() => viewFromParams(params, list.size), [params, list.size]);
  const isOpen = params.get("state") !== "all";
  const pages = usePages<Approval>({
    queryKey: ["approvals", isOpen, view.filter],
    fetchPage: (cursor, size, signal) => listApprovals(isOpen, view.filter, cursor, size, signal),
    size: view.size,
    refetchInterval: REFRESH_MS,
  });
  const columns = useMemo(() => approvalColumns(t, isOpen), [t, isOpen]);
  // As it is now, or nothing when it was decided meanwhile and is no longer here.
  const chosen = pages.items.find(({ CommandId }) => CommandId === selected[0]?.CommandId);
  const refusal = useDecide(chosen);
  usePage(t("approvals"));

  const change = (part: Partial<typeof view>, isOnlyOpen = isOpen) => {
    if (part.size) list.setSize(part.size);
    const next = viewToParams({ ...view, ...part }, part.size ?? list.size);
    if (!isOnlyOpen) next.set("state", "all");
    setParams(next);
  };
  return (
    <>
      <QueryTable
        label={t("approvals")}
        list={list}
        pages={pages}
        columns={columns}
        trackBy={({ CommandId }) => CommandId}
        nameOf={({ Comment, CommandId }) => Comment || CommandId}
        variant="full-page"
        size={view.size}
        onSize={(size) => change({ size })}
        selectionType="single"
        selected={chosen ? [chosen] : []}
        onSelect={setSelected}
        header={
          <Header
            variant="h1"
            description={t("approvalsHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <MayButton refusal={refusal("reject")} onClick={() => setVerdict("reject")}>
                  {t("reject")}
                </MayButton>
                <MayButton variant="primary" refusal={refusal("approve")} onClick={() => setVerdict("approve")}>
                  {t("approve")}
                </MayButton>
              </SpaceBetween>
            }
          >
            {t("approvals")}
          </Header>
        }
        filter={
          <div className="filter-row">
            <SegmentedControl
              label={t("approvalsShown")}
              selectedId={isOpen ? "open" : "all"}
              options={[
                { id: "open", text: t("approvalsOpen") },
                { id: "all", text: t("approvalsAll") },
              ]}
              onChange={({ detail }) => change({}, detail.selectedId === "open")}
            />
            <TokenFilter
              label={t("approvalsFilter")}
              placeholder={t("approvalsFilterPlaceholder")}
              keys={APPROVAL_KEYS}
              textOf={t}
              filter={view.filter}
              onChange={(filter) => change({ filter })}
            />
          </div>
        }
        empty={
          isEmpty(view.filter) ? (
            <EmptyState title={t(isOpen ? "approvalsEmpty" : "approvalsNone")}>{t("approvalsEmptyHelp")}</EmptyState>
          ) : (
            <EmptyState title={common("nothingFound")} action={<Button onClick={() => change({ filter: EMPTY_FILTER })}>{common("clearFilter")}</Button>}>
              {common("nothingFoundHelp")}
            </EmptyState>
          )
        }
      />
      {verdict && chosen && <DecisionDialog approval={chosen} verdict={verdict} onClose={() => setVerdict(undefined)} />}
    </>
  );
}
