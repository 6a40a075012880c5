import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { useStateWord } from "@/components/useStateWord";
import { withParams } from "@/platform/view";
import { FoundNodes } from "./FoundNodes";
import { OutputSearchForm } from "./OutputSearchForm";
import { type Wanted, wantedFromParams, wantedToParams } from "./outputSearch";
import { useCommandTexts } from "./texts";
import { type Found, useOutputSearch } from "./useOutputSearch";

interface Props {
  commandId: string;
  states: readonly string[];
}

/** Which nodes wrote something, or did not: what is looked for stands in the address. */
export function OutputSearchView({ commandId, states }: Props) {
  const t = useCommandTexts();
  const word = useStateWord();
  const [params, setParams] = useSearchParams();
  const [round, setRound] = useState(0);
  const wanted = wantedFromParams(params);
  const found = useOutputSearch(commandId, wanted, states, round);
  const search = (changed: Wanted) => {
    setParams(withParams(params, wantedToParams(changed)), { replace: true });
    setRound((before) => before + 1);
  };
  return (
    <SpaceBetween size="l">
      <OutputSearchForm wanted={wanted} onSearch={search} />
      {states.length > 0 && <Box color="text-body-secondary">{t("findStates", { states: states.map(word).join(", ") })}</Box>}
      {wanted.text === "" ? <EmptyState title={t("findNothingYet")}>{t("findNothingYetHelp")}</EmptyState> : <Result found={found} wanted={wanted} />}
    </SpaceBetween>
  );
}

function Result({ found, wanted }: { found: Found; wanted: Wanted }) {
  const t = useCommandTexts();
  const { nodes, totals } = found;
  return (
    <SpaceBetween size="m">
      <Box variant="strong">
        <span role="status">{totals ? <Totals totals={totals} isWithout={wanted.isWithout} /> : null}</span>
      </Box>
      {found.isSearching && <StatusIndicator type="loading">{t("findSearching")}</StatusIndicator>}
      {nodes.length > 0 && <FoundNodes nodes={nodes} />}
      {found.error !== undefined && <ErrorState error={found.error} title={t("findFailed")} onRetry={found.retry} />}
      {nodes.length === 0 && totals && !found.hasMore && <EmptyState title={t(wanted.isWithout ? "findNoneWithout" : "findNone")}>{t("findNoneHelp")}</EmptyState>}
      {nodes.length > 0 && found.hasMore && (
        <Button loading={found.isLoadingMore} loadingText={t("findSearching")} onClick={found.more}>
          {t("findMore")}
        </Button>
      )}
    </SpaceBetween>
  );
}

function Totals({ totals, isWithout }: { totals: NonNullable<Found["totals"]>; isWithout: boolean }) {
  const t = useCommandTexts();
  const { NodesMatched: count, NodesSearched: of, NodesOpen: open, Whole: isWhole } = totals;
  return (
    <>
      {t(isWithout ? "findTotalWithout" : "findTotal", { count, of })}
      {!isWhole && ` ${t("findSoFar")}`}
      {open > 0 && ` ${t("findOpen", { count: open })}`}
    </>
  );
}
