import { ConfirmAction } from "@/components/ConfirmAction";
import { useNotify } from "@/components/Notifications";
import type { NodeSummary } from "@/platform/types";
import { removeNode } from "./api";
import { useFleetTexts } from "./texts";

interface Props {
  nodes: readonly NodeSummary[];
  onClose: () => void;
  /** Before the first and, when it was refused, after the last: what is about to go should not be asked for. */
  onRemoving?: (isRemoving: boolean) => void;
  onRemoved: () => void;
}

/** One node is confirmed by its name, several by their number. */
export function RemoveNodes({ nodes, onClose, onRemoving, onRemoved }: Props) {
  const t = useFleetTexts();
  const notify = useNotify();
  const only = nodes.length === 1 ? nodes[0] : undefined;
  const remove = async () => {
    onRemoving?.(true);
    try {
      for (const node of nodes) await removeNode(node.NodeId); // oxlint-disable-line no-await-in-loop -- in order, so that an error names where it stopped
    } catch (error) {
      onRemoving?.(false);
      throw error;
    }
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
