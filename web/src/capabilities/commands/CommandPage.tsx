import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearchParams } from "react-router";
import { commandTitle } from "@/components/commandTitle";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { RouteButton } from "@/components/RouteButton";
import { isTerminal } from "@/components/states";
import { useCommonTexts } from "@/components/texts";
import { usePage } from "@/components/usePage";
import { useThrottled } from "@/components/useThrottled";
import { ApiError } from "@/platform/errors";
import { useLive } from "@/platform/live";
import type { CommandDescription } from "@/platform/types";
import { withParams } from "@/platform/view";
import { approvalQuery, commandQuery } from "./api";
import { ApprovalPanel } from "./ApprovalPanel";
import { CommandFacts } from "./CommandFacts";
import { CommandHeader } from "./CommandHeader";
import { InvocationsView } from "./InvocationsView";
import { OutputGroups } from "./OutputGroups";
import { OutputSearchView } from "./OutputSearchView";
import { Progress } from "./Progress";
import { Definition, hasScript } from "./Definition";
import { OutputsPane } from "./pane/OutputsPane";
import { choiceFrom, idsFrom } from "./pane/roster";
import { stepAt } from "./steps";
import { useCommandTexts } from "./texts";

const ROWS_EVERY_MS = 1000;
const POLL_MS = 5000;

export default function CommandPage() {
  const { commandId = "" } = useParams();
  return <CommandView key={commandId} commandId={commandId} />;
}

function CommandView({ commandId }: { commandId: string }) {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const query = useQuery({
    ...commandQuery(commandId),
    refetchInterval: ({ state }) => (state.data && isTerminal(state.data.Command.Status) ? false : POLL_MS),
  });
  const command = query.data?.Command;
  const approval = useQuery({ ...approvalQuery(commandId), refetchInterval: ({ state }) => (state.data?.Decision === "Open" ? POLL_MS : false) }).data ?? undefined;
  const isDone = command !== undefined && isTerminal(command.Status);
  const title = command ? commandTitle(command, common("commandUntitled")) : t("command");
  usePage(title, [
    { text: t("commands"), href: "/commands" },
    { text: title, href: `/commands/${commandId}` },
  ]);

  const reloadRows = useThrottled(() => {
    void client.invalidateQueries({ queryKey: ["invocations", commandId] });
    void client.invalidateQueries({ queryKey: ["output-groups", commandId] });
  }, ROWS_EVERY_MS);
  useLive<CommandDescription>("command", {
    args: isDone ? undefined : { CommandId: commandId },
    onEvent: (event) => {
      client.setQueryData(commandQuery(commandId).queryKey, event);
      if (approval?.Decision === "Open") void client.invalidateQueries({ queryKey: approvalQuery(commandId).queryKey });
      reloadRows();
    },
  });

  if (query.error && !query.data) {
    const isMissing = query.error instanceof ApiError && query.error.code === "InvalidCommandId";
    if (!isMissing) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
    return <EmptyState title={t("missing")} action={<RouteButton to="/commands">{t("toCommands")}</RouteButton>} />;
  }
  if (!query.data || !command) return <Spinner size="large" />;
  const states = params.getAll("state");
  // One node's output is there to read already.
  const isMany = command.TargetCount > 1;
  const wantedTab = params.get("tab") ?? "nodes";
  const tab = wantedTab === "live" && !isMany ? "nodes" : wantedTab;
  const set = (changes: Record<string, string | string[] | undefined>) => setParams(withParams(params, changes), { replace: true });

  return (
    <ContentLayout header={<CommandHeader command={command} title={title} states={query.data.States} />}>
      <SpaceBetween size="l">
        {approval?.Decision === "Open" && <ApprovalPanel approval={approval} />}
        <Container>
          <SpaceBetween size="l">
            <Progress description={query.data} chosen={states} onChoose={(state) => set({ state: states.includes(state) ? [] : [state], tab: undefined })} />
            <CommandFacts command={command} approval={approval} />
          </SpaceBetween>
        </Container>
        <Tabs
          activeTabId={tab}
          onChange={({ detail }) => set({ tab: detail.activeTabId === "nodes" ? undefined : detail.activeTabId })}
          tabs={[
            {
              id: "nodes",
              label: t("nodes"),
              content: (
                <InvocationsView
                  command={command}
                  states={states}
                  nodeId={params.get("node") ?? undefined}
                  step={stepAt(params.get("step"), query.data.Steps)}
                  stream={params.get("stream") === "stderr" ? "stderr" : "stdout"}
                  onChange={set}
                />
              ),
            },
            ...(isMany
              ? [
                  {
                    id: "live",
                    label: t("live"),
                    // What was read stays while somebody looks at another tab.
                    contentRenderStrategy: "lazy" as const,
                    content: <OutputsPane description={query.data} choice={choiceFrom(params.get("follow"))} chosen={idsFrom(params.get("with"))} onChange={set} />,
                  },
                ]
              : []),
            { id: "outputs", label: t("outputs"), content: <OutputGroups commandId={commandId} /> },
            { id: "search", label: t("find"), content: <OutputSearchView commandId={commandId} states={states} /> },
            { id: "script", label: t(hasScript(command) ? "definition" : "parameters"), content: <Definition command={command} /> },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}
