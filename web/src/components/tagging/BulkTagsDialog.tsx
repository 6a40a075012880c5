import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import { changeTags } from "./api";
import { rememberChanges } from "./last";
import { OutcomeText } from "./OutcomeText";
import { type Change, EMPTY_RULE, type Rule, areUsable, filledRules, planOf, undoOf } from "./plan";
import { PlanPreview } from "./PlanPreview";
import { type Noun, useTaggingTexts } from "./texts";
import { RulesEditor } from "./RulesEditor";
import { type Outcome, makeChanges } from "./run";
import { type Wanted, useSnapshot } from "./useSnapshot";

/** Two requests of so many resources: quick, and the hub stays free for others. */
const BATCH = 250;
const PARALLEL = 2;

interface Props {
  noun: Noun;
  wanted: Wanted;
  /** The changes to take back; without them the dialog asks what to change. */
  undoing?: readonly Change[];
  onClose: () => void;
}

type Phase = { at: "choosing" } | { at: "making"; done: number; of: number; stop: AbortController } | { at: "over"; outcome: Outcome };

/** Changes the tags of many resources: rules, preview, progress, what failed, and the way back. */
export default function BulkTagsDialog({ noun, wanted, undoing, onClose }: Props) {
  const t = useTaggingTexts(noun);
  const client = useQueryClient();
  const locale = useLocale();
  const [isUndoing, setUndoing] = useState(undoing);
  const [rules, setRules] = useState<Rule[]>([EMPTY_RULE]);
  const [turn, setTurn] = useState(0);
  const [phase, setPhase] = useState<Phase>({ at: "choosing" });
  const snapshot = useSnapshot(isUndoing ? { named: isUndoing } : wanted, turn);
  const filled = useMemo(() => filledRules(rules), [rules]);
  const plan = useMemo(() => planOf(snapshot.nodes ?? [], filled), [snapshot.nodes, filled]);
  const back = useMemo(() => (isUndoing ? undoOf(isUndoing, snapshot.nodes ?? []) : undefined), [isUndoing, snapshot.nodes]);
  const changes = back ? back.changes : plan.changes;
  const isReady = snapshot.nodes !== undefined && changes.length > 0 && (back !== undefined || areUsable(rules));

  const make = async (wantedChanges: readonly Change[], before: readonly Change[] = []) => {
    const stop = new AbortController();
    const of = wantedChanges.length;
    setPhase({ at: "making", done: 0, of, stop });
    const outcome = await makeChanges(wantedChanges, changeTags, {
      batch: BATCH,
      parallel: PARALLEL,
      signal: stop.signal,
      onProgress: (done) => setPhase({ at: "making", done, of, stop }),
    });
    const made = [...before, ...outcome.made];
    rememberChanges(made);
    setPhase({ at: "over", outcome: { ...outcome, made } });
    for (const queryKey of [["nodes"], ["resources"], ["node-tag-keys"], ["tag-keys"]]) void client.invalidateQueries({ queryKey });
  };
  const undo = (made: readonly Change[]) => {
    setUndoing(made);
    setTurn(turn + 1);
    setPhase({ at: "choosing" });
  };

  const content = () => {
    if (phase.at === "over") return <OutcomeText t={t} outcome={phase.outcome} />;
    if (phase.at === "making") {
      return (
        <ProgressBar
          value={(100 * phase.done) / Math.max(phase.of, 1)}
          label={t("tagMaking")}
          additionalInfo={t("tagProgress", { done: formatNumber(phase.done, locale), total: formatNumber(phase.of, locale) })}
        />
      );
    }
    if (snapshot.error) return <ErrorState error={snapshot.error} onRetry={snapshot.retry} />;
    if (!snapshot.nodes) return <Box color="text-body-secondary">{t("tagReading", { count: formatNumber(snapshot.read, locale) })}</Box>;
    if (back) return <Box>{t("tagUndoPreview", { count: back.changes.length, skipped: back.skipped })}</Box>;
    return (
      <SpaceBetween size="l">
        <RulesEditor t={t} rules={rules} onChange={setRules} />
        <PlanPreview t={t} nodes={snapshot.nodes} rules={filled} plan={plan} />
      </SpaceBetween>
    );
  };

  const buttons = () => {
    if (phase.at === "making") return [<Button key="stop" onClick={() => phase.stop.abort()}>{t("tagStop")}</Button>];
    if (phase.at === "over") {
      const { made, failed, left } = phase.outcome;
      const rest = [...failed.map(({ change }) => change), ...left];
      return [
        made.length > 0 && <Button key="undo" onClick={() => undo(made)}>{t("tagUndo")}</Button>,
        rest.length > 0 && <Button key="retry" onClick={() => void make(rest, made)}>{t("tagRetry", { count: rest.length })}</Button>,
        <Button key="done" variant="primary" onClick={onClose}>{t("tagDone")}</Button>,
      ];
    }
    return [
      <Button key="cancel" variant="link" onClick={onClose}>{t("cancel")}</Button>,
      <Button key="make" variant="primary" disabled={!isReady} onClick={() => void make(changes)}>
        {t(back ? "tagUndoOn" : "tagApply", { count: changes.length })}
      </Button>,
    ];
  };

  const count = snapshot.nodes?.length;
  return (
    <Modal
      visible
      size="large"
      header={isUndoing ? t("tagUndoTitle") : t("tagTitle", { count: count ?? 0, known: count === undefined ? "no" : "yes" })}
      closeAriaLabel={t("close")}
      // What is under way is stopped by its button, not by a click beside the dialog.
      onDismiss={() => phase.at !== "making" && onClose()}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            {buttons()}
          </SpaceBetween>
        </Box>
      }
    >
      {content()}
    </Modal>
  );
}
