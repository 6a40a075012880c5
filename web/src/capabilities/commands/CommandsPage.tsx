import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useSearchParams } from "react-router";
import { CommandTable } from "@/components/CommandTable";
import { EmptyState } from "@/components/EmptyState";
import { RefreshButton } from "@/components/RefreshButton";
import { RouteButton } from "@/components/RouteButton";
import { STATES } from "@/components/states";
import { useCommonTexts } from "@/components/texts";
import { useList } from "@/components/useList";
import { usePage } from "@/components/usePage";
import { usePages } from "@/platform/pages";
import type { Command } from "@/platform/types";
import { UPSTREAM_PAGE_SIZES } from "@/platform/view";
import { listCommands } from "./api";
import { useCommandTexts } from "./texts";

const REFRESH_MS = 5000;
/** The states a command as a whole can have; the hub's filter knows no others. */
const COMMAND_STATES = ["Pending", "InProgress", "Success", "Failed", "TimedOut", "Cancelled", "Cancelling"];

export default function CommandsPage() {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const [params, setParams] = useSearchParams();
  const list = useList("commands", UPSTREAM_PAGE_SIZES);
  const status = COMMAND_STATES.find((known) => known === params.get("status"));
  const pages = usePages<Command>({
    queryKey: ["commands", status],
    fetchPage: (cursor, count, signal) => listCommands(status, cursor, count, signal),
    size: list.size,
    refetchInterval: REFRESH_MS,
  });
  usePage(t("commands"));

  const options = [
    { value: "", label: t("statusAll") },
    ...COMMAND_STATES.map((value) => {
      const known = STATES[value];
      return { value, label: known ? common(known.text) : value };
    }),
  ];
  return (
    <CommandTable
      label={t("commands")}
      pages={pages}
      variant="full-page"
      list={list}
      filter={
        <div className="narrow-control">
          <Select
            ariaLabel={t("statusFilter")}
            selectedOption={options.find(({ value }) => value === (status ?? "")) ?? null}
            options={options}
            onChange={({ detail }) => setParams(detail.selectedOption.value ? { status: detail.selectedOption.value } : {})}
          />
        </div>
      }
      header={
        <Header
          variant="h1"
          description={t("commandsHelp")}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <RefreshButton pages={pages} />
              <RouteButton to="/commands/new" variant="primary">
                {t("runCommand")}
              </RouteButton>
            </SpaceBetween>
          }
        >
          {t("commands")}
        </Header>
      }
      empty={
        status ? (
          <EmptyState title={common("nothingFound")}>{common("nothingFoundHelp")}</EmptyState>
        ) : (
          <EmptyState title={t("emptyTitle")} action={<RouteButton to="/commands/new">{t("runCommand")}</RouteButton>}>
            {t("emptyHelp")}
          </EmptyState>
        )
      }
    />
  );
}
