import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Suspense, lazy, useState } from "react";
import { useNavigate } from "react-router";
import { RouteButton } from "@/components/RouteButton";
import { useLastChanges } from "@/components/tagging/last";
import { useMay } from "@/components/useMay";
import { piece } from "@/platform/code";
import { runOnFilter, runOnNodes, shellOn } from "@/platform/links";
import type { Filter, NodeSummary } from "@/platform/types";
import { matchingNodes } from "./matchingNodes";
import { RemoveNodes } from "./RemoveNodes";
import { TagsDialog } from "./TagsDialog";
import { useFleetTexts } from "./texts";

const BulkTagsDialog = lazy(() => piece(() => import("@/components/tagging/BulkTagsDialog")));

/** Upstream's limit on nodes named one by one. */
const MOST_BY_NAME = 50;
const NODE_ACTIONS = ["ssm:SendCommand", "ssm:StartSession", "ssm:AddTagsToResource", "ssm:DeregisterManagedInstance"] as const;

interface Props {
  selected: readonly NodeSummary[];
  /** The list's filter when all that match are chosen. */
  allMatching: Filter | undefined;
  /** How many that is now. */
  matching: number;
  onDone: () => void;
}

export function NodeActions({ selected, allMatching, matching, onDone }: Props) {
  const t = useFleetTexts();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"tags" | "undo" | "remove">();
  const one = !allMatching && selected.length === 1 ? selected[0] : undefined;

  const may = useMay({ kind: "node", id: one?.NodeId }, NODE_ACTIONS, one !== undefined);
  const refusal = (action: (typeof NODE_ACTIONS)[number]) => (one ? may(action) : undefined);

  const runReason = () => {
    if (allMatching) return undefined;
    if (selected.length === 0) return t("chooseFirst");
    return selected.length > MOST_BY_NAME ? t("chooseFewer") : refusal("ssm:SendCommand");
  };
  const shellReason = () => {
    if (!one) return t("chooseOne");
    return one.Status === "Offline" ? t("offline") : refusal("ssm:StartSession");
  };
  const noRun = runReason();
  const noShell = shellReason();
  const run = () => navigate(allMatching ? runOnFilter(allMatching) : runOnNodes(selected.map((node) => node.NodeId)));
  const changes = useLastChanges();
  const last = changes?.every(({ type }) => type === "ManagedInstance") ? changes : undefined;
  const count = allMatching ? matching : selected.length;
  const noTagsReason = count === 0 ? t("chooseFirst") : refusal("ssm:AddTagsToResource");
  const noTags = noTagsReason ? { disabled: true, disabledReason: noTagsReason } : {};
  const noUndo = last ? {} : { disabled: true, disabledReason: t("tagUndoNone") };
  const noRemoveReason = allMatching || selected.length === 0 ? t("chooseFirst") : refusal("ssm:DeregisterManagedInstance");
  const noRemove = noRemoveReason ? { disabled: true, disabledReason: noRemoveReason } : {};

  return (
    <>
      <SpaceBetween direction="horizontal" size="xs">
        <ButtonDropdown
          items={[
            { id: "tags", text: count > 1 ? t("editTagsMany", { count }) : t("editTags"), ...noTags },
            { id: "undo", text: last ? t("tagUndoLast", { count: last.length }) : t("tagUndoTitle"), ...noUndo },
            { id: "remove", text: t("remove"), ...noRemove },
          ]}
          onItemClick={({ detail }) => setDialog(detail.id as typeof dialog)}
        >
          {t("actions")}
        </ButtonDropdown>
        <Button
          disabled={noShell !== undefined}
          disabledReason={noShell}
          onClick={() => one && void navigate(shellOn(one.NodeId))}
        >
          {t("openShell")}
        </Button>
        <Button disabled={noRun !== undefined} disabledReason={noRun} onClick={() => void run()}>
          {t("runCommand")}
        </Button>
        <RouteButton to="/join" variant="primary">
          {t("joinNode")}
        </RouteButton>
      </SpaceBetween>
      {dialog === "tags" && one && <TagsDialog node={one} onClose={() => setDialog(undefined)} onSaved={onDone} />}
      <Suspense>
        {dialog === "tags" && !one && (
          <BulkTagsDialog
            noun="node"
            wanted={allMatching ? matchingNodes(allMatching) : { named: selected.map(({ NodeId }) => ({ type: "ManagedInstance", id: NodeId })) }}
            onClose={() => setDialog(undefined)}
          />
        )}
        {dialog === "undo" && last && <BulkTagsDialog noun="node" wanted={{ named: [] }} undoing={last} onClose={() => setDialog(undefined)} />}
      </Suspense>
      {dialog === "remove" && <RemoveNodes nodes={selected} onClose={() => setDialog(undefined)} onRemoved={onDone} />}
    </>
  );
}
