import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { EmptyState } from "@/components/EmptyState";
import { isTerminal } from "@/components/states";
import { useNodeNames } from "@/components/useNodeNames";
import type { CommandDescription } from "@/platform/types";
import { useCommandTexts } from "../texts";
import { FollowedOutputs } from "./FollowedOutputs";
import { PaneWho } from "./PaneWho";
import { type Choice, FOLLOWED_MOST, choiceParam, totalOf } from "./roster";

interface Props {
  description: CommandDescription;
  choice: Choice;
  chosen: readonly string[];
  onChange: (changes: Record<string, string | undefined>) => void;
}

/** The output of many nodes of a command in one pane, each line behind its node's name, while it is written. */
export function OutputsPane({ description, choice, chosen, onChange }: Props) {
  const t = useCommandTexts();
  const { Command: command, States: states } = description;
  const isOver = isTerminal(command.Status);
  const [filter, setFilter] = useState("");
  const [round, setRound] = useState(0);
  const nameOf = useNodeNames(chosen);
  const known = JSON.stringify(chosen.map((id) => [id, nameOf(id)]));
  const names = useMemo(() => new Map(JSON.parse(known) as [string, string][]), [known]);
  const isNoneChosen = choice === "chosen" && chosen.length === 0;
  return (
    <SpaceBetween size="s">
      <PaneWho
        choice={choice}
        chosen={chosen}
        nameOf={nameOf}
        onChange={(next, ids) => onChange({ follow: choiceParam(next), with: ids.join(",") || undefined })}
      />
      {isNoneChosen ? (
        <EmptyState title={t("paneNoneChosen")}>{t("paneNoneChosenHelp", { most: FOLLOWED_MOST })}</EmptyState>
      ) : (
        <FollowedOutputs
          key={`${round} ${choice} ${chosen.join(",")}`}
          wish={{ commandId: command.CommandId, choice, chosen }}
          names={names}
          steps={description.Steps}
          total={totalOf(choice, states, command.TargetCount, chosen, isOver)}
          isOver={isOver}
          begun={totalOf(choice, states, command.TargetCount, chosen, true)}
          filter={filter}
          onFilter={setFilter}
          onRetry={() => setRound(round + 1)}
        />
      )}
    </SpaceBetween>
  );
}
