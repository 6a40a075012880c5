import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Suspense, lazy, useState } from "react";
import { readMatching } from "@/components/tagging/api";
import { useLastChanges } from "@/components/tagging/last";
import type { Wanted } from "@/components/tagging/useSnapshot";
import { useMay } from "@/components/useMay";
import { piece } from "@/platform/code";
import type { Filter, TaggedResource } from "@/platform/types";
import { useTagsTexts } from "./texts";

const BulkTagsDialog = lazy(() => piece(() => import("@/components/tagging/BulkTagsDialog")));
const CHANGE = "roadstead:ChangeTags";
const ACTIONS = [CHANGE] as const;

interface Props {
  selected: readonly TaggedResource[];
  /** The list's filter when all that match are chosen, and how many that is now. */
  allMatching: Filter | undefined;
  matching: number;
  onDone: () => void;
}

export function TagActions({ selected, allMatching, matching, onDone }: Props) {
  const t = useTagsTexts();
  const [dialog, setDialog] = useState<"edit" | "undo">();
  const last = useLastChanges();
  const may = useMay({ kind: "resource" }, ACTIONS);
  const count = allMatching ? matching : selected.length;
  const noEdit = may(CHANGE) ?? (count === 0 ? t("chooseFirst") : undefined);
  const noUndo = last ? undefined : t("undoNone");
  const close = () => {
    setDialog(undefined);
    onDone();
  };
  const wanted: Wanted = allMatching
    ? { key: ["resources", allMatching], readAll: (onRead, signal) => readMatching(allMatching, onRead, signal) }
    : { named: selected.map(({ ResourceType, ResourceId }) => ({ type: ResourceType, id: ResourceId })) };

  return (
    <>
      <SpaceBetween direction="horizontal" size="xs">
        <Button disabled={noUndo !== undefined} disabledReason={noUndo} onClick={() => setDialog("undo")}>
          {t("undo")}
        </Button>
        <Button variant="primary" disabled={noEdit !== undefined} disabledReason={noEdit} onClick={() => setDialog("edit")}>
          {t("edit", { count })}
        </Button>
      </SpaceBetween>
      <Suspense>
        {dialog === "edit" && <BulkTagsDialog noun="resource" wanted={wanted} onClose={close} />}
        {dialog === "undo" && last && <BulkTagsDialog noun="resource" wanted={{ named: [] }} undoing={last} onClose={close} />}
      </Suspense>
    </>
  );
}
