import Button from "@cloudscape-design/components/button";
import type { Column } from "@/components/QueryTable";
import type { HeldLimits } from "@/platform/types";
import { listLimits, putLimits } from "./api";
import { LIMIT_KEYS, holderText } from "./limits";
import { LimitsDialog } from "./LimitsDialog";
import { NamedList } from "./NamedList";
import { type Translator, useRightsTexts } from "./texts";

const ACTIONS = { create: "roadstead:PutLimits", update: "roadstead:PutLimits", delete: "roadstead:PutLimits" } as const;
const TEXTS = {
  title: "limits",
  help: "limitsHelp",
  choose: "limitsChoose",
  create: "limitsCreate",
  deleteTitle: "limitsDeleteTitle",
  deleteText: "limitsDeleteText",
  deleted: "limitsDeleted",
  empty: "limitsEmpty",
  emptyHelp: "limitsEmptyHelp",
} as const;

/** How much one command may reach: of everybody, of roles, of users. */
export default function LimitsPage() {
  const t = useRightsTexts();
  return (
    <NamedList<HeldLimits>
      name="limits"
      kind="limits"
      fetchPage={(_cursor, _size, signal, filter) => listLimits(filter, signal)}
      sizes={NO_SIZES}
      filterKeys={LIMIT_KEYS}
      nameOf={(held) => holderText(held, t)}
      columns={limitsColumns}
      actions={ACTIONS}
      remove={takeAway}
      texts={TEXTS}
      dialog={({ item, ...rest }) => <LimitsDialog held={item} {...rest} />}
    />
  );
}

const NO_SIZES: readonly number[] = [];

/** Limits that set nothing are none. */
function takeAway({ Holder, HolderName }: HeldLimits) {
  const holder = Holder === "role" || Holder === "user" ? { Holder, HolderName } as const : { Holder: "default" } as const;
  return putLimits({ ...holder, Limits: {} });
}

function limitsColumns(t: Translator, onOpen: (held: HeldLimits) => void): Column<HeldLimits>[] {
  return [
    {
      id: "holder",
      header: t("holder"),
      width: 260,
      isRowHeader: true,
      cell: (held) => (
        <span data-row-open>
          <Button variant="inline-link" onClick={() => onOpen(held)}>
            {holderText(held, t)}
          </Button>
        </span>
      ),
    },
    { id: "most", header: t("maxTargets"), width: 170, cell: ({ Limits }) => shown(Limits.MaxTargets) },
    { id: "confirm", header: t("confirmAbove"), width: 170, cell: ({ Limits }) => shown(Limits.ConfirmAbove) },
    { id: "approve", header: t("approveAbove"), width: 170, cell: ({ Limits }) => shown(Limits.ApproveAbove) },
  ];
}

function shown(limit: number | undefined) {
  return limit ?? "–";
}
