import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { useMemo, useState } from "react";
import { ConfirmAction } from "@/components/ConfirmAction";
import { EmptyState } from "@/components/EmptyState";
import { useNotify } from "@/components/Notifications";
import { type Column, QueryTable } from "@/components/QueryTable";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { TagList } from "@/components/TagList";
import { TimeAgo } from "@/components/TimeAgo";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { useLocale } from "@/platform/i18n/locale";
import { usePages } from "@/platform/pages";
import { formatNumber } from "@/platform/time";
import type { Activation } from "@/platform/types";
import { UPSTREAM_PAGE_SIZES } from "@/platform/view";
import { type ActivationState, activationState } from "./activationState";
import { deleteActivation, listActivations } from "./api";
import { type Translator, useActivationTexts } from "./texts";

export default function ActivationsPage() {
  const t = useActivationTexts();
  const notify = useNotify();
  const list = useList("activations", UPSTREAM_PAGE_SIZES);
  const [selected, setSelected] = useState<Activation[]>([]);
  const [isRevoking, setRevoking] = useState(false);
  const pages = usePages<Activation>({ queryKey: ["activations"], fetchPage: listActivations, size: list.size });
  const columns = useMemo(() => columnsOf(t), [t]);
  const chosen = selected[0];
  usePage(t("activations"));

  const revoke = async ({ ActivationId }: Activation) => {
    await deleteActivation(ActivationId);
    setSelected([]);
    pages.refresh();
    notify({ type: "success", content: t("revoked") });
  };

  return (
    <>
      <QueryTable
        label={t("activations")}
        pages={pages}
        columns={columns}
        trackBy={(activation) => activation.ActivationId}
        variant="full-page"
        list={list}
        selectionType="single"
        selected={selected}
        onSelect={setSelected}
        nameOf={(activation) => activation.DefaultInstanceName || activation.ActivationId}
        header={
          <Header
            variant="h1"
            description={t("activationsHelp")}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <RefreshButton pages={pages} />
                <Button disabled={!chosen} disabledReason={t("chooseOne")} onClick={() => setRevoking(true)}>
                  {t("revoke")}
                </Button>
                <RouteButton to="/join" variant="primary">
                  {t("joinTitle")}
                </RouteButton>
              </SpaceBetween>
            }
          >
            {t("activations")}
          </Header>
        }
        empty={
          <EmptyState title={t("emptyTitle")} action={<RouteButton to="/join">{t("joinTitle")}</RouteButton>}>
            {t("emptyHelp")}
          </EmptyState>
        }
      />
      {isRevoking && chosen && (
        <ConfirmAction title={t("revokeTitle")} action={t("revoke")} onConfirm={() => revoke(chosen)} onClose={() => setRevoking(false)}>
          {t("revokeText", { id: chosen.DefaultInstanceName || chosen.ActivationId })}
        </ConfirmAction>
      )}
    </>
  );
}

const STATES: Record<ActivationState, { type: StatusIndicatorProps.Type; text: "stateOpen" | "stateUsed" | "stateExpired" }> = {
  open: { type: "success", text: "stateOpen" },
  used: { type: "info", text: "stateUsed" },
  expired: { type: "stopped", text: "stateExpired" },
};

function Used({ item: { RegistrationsCount, RegistrationLimit } }: { item: Activation }) {
  const t = useActivationTexts();
  const locale = useLocale();
  return <>{t("usedText", { used: formatNumber(RegistrationsCount, locale), limit: formatNumber(RegistrationLimit, locale) })}</>;
}

function columnsOf(t: Translator): Column<Activation>[] {
  return [
    {
      id: "name",
      header: t("activation"),
      width: 320,
      isRowHeader: true,
      cell: ({ ActivationId, DefaultInstanceName, Description }) => (
        <>
          {DefaultInstanceName || Description || t("unnamed")}
          <Box variant="small" color="text-body-secondary" display="block">
            {ActivationId}
          </Box>
        </>
      ),
    },
    {
      id: "state",
      header: t("state"),
      width: 130,
      cell: (item) => {
        const { type, text } = STATES[activationState(item)];
        return <StatusIndicator type={type}>{t(text)}</StatusIndicator>;
      },
    },
    { id: "used", header: t("used"), width: 150, cell: (item) => <Used item={item} /> },
    { id: "tags", header: t("tags"), width: 180, cell: (item) => <TagList tags={item.Tags ?? []} limit={3} /> },
    { id: "expires", header: t("expiresAt"), width: 160, cell: (item) => <TimeAgo at={item.ExpirationDate} /> },
    { id: "created", header: t("created"), width: 160, cell: (item) => <TimeAgo at={item.CreatedDate} /> },
  ];
}
