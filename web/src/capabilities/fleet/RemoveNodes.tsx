import { ConfirmAction } from "@/components/ConfirmAction";
import { useNotify } from "@/components/Notifications";
import type { NodeSummary } from "@/platform/types";
import { removeNode } from "./api";
import { useFleetTexts } from "./texts";

interface Props {
  nodes: readonly NodeSummary[];
  onClose: () => void;
  onRemoved: () => void;
}

/** One node is confirmed by its name, several by their number. */
export function RemoveNodes({ nodes, onClose, onRemoved }: Props) {
  const t = useFleetTexts();
  const notify = useNotify();
  const only = nodes.length === 1 ? nodes[0] : undefined;
  const remove = async () => {
    for (const node of nodes) await removeNode(node.NodeId); // oxlint-disable-line no-await-in-loop -- in order, so that an error names where it stopped
    notify({ type: "success", content: t("removed", { count: nodes.length }) });
    onRemoved();
  };
  return (
    <ConfirmAction
      title={t("removeTitle", { count: nodes.length })}
      action={t("remove")}
      word={only ? only.Name : String(nodes.length)}
      onConfirm={remove}
      onClose={onClose}
    >
      {only ? t("removeOne", { name: only.Name }) : t("removeMany", { count: nodes.length })}
    </ConfirmAction>
  );
}
