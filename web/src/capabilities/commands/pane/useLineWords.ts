import { useMemo } from "react";
import { useCommonTexts } from "@/components/texts";
import { useStateWord } from "@/components/useStateWord";
import { useLocale } from "@/platform/i18n/locale";
import { formatBytes } from "@/platform/time";
import type { CommandDescription } from "@/platform/types";
import { useCommandTexts } from "../texts";
import type { LineWords } from "./PaneLines";

interface Known {
  names: ReadonlyMap<string, string>;
  chosenNames: ReadonlyMap<string, string>;
  places: ReadonlyMap<string, number>;
  steps: CommandDescription["Steps"];
}

/** What stands beside the lines: the same as long as names, steps and the language are. */
export function useLineWords({ names, chosenNames, places, steps }: Known): LineWords {
  const t = useCommandTexts();
  const common = useCommonTexts();
  const word = useStateWord();
  const locale = useLocale();
  // Each word of progress brings the steps anew.
  const stepNames = steps.length > 1 ? steps.map(({ Name }) => Name).join("\n") : "";
  return useMemo(() => {
    const named = stepNames === "" ? [] : stepNames.split("\n");
    return {
      nameOf: (nodeId) => names.get(nodeId) ?? chosenNames.get(nodeId) ?? nodeId,
      placeOf: (nodeId) => places.get(nodeId) ?? 0,
      stepOf: (step) => (named.length === 0 ? undefined : t("stepName", { number: step + 1, name: named[step] ?? "" })),
      noteOf: (note) => {
        if (note.kind === "ended") return t("noteEnded", { state: word(note.status) });
        if (note.kind === "omitted") return common("outputCut", { bytes: formatBytes(note.bytes, locale) });
        return note.kind === "refused" ? t("noteRefused", { why: note.why }) : t("noteIncomplete");
      },
      stderr: t("paneStderr"),
    };
    // oxlint-disable-next-line react/exhaustive-deps -- `word` is made anew each time, of the language alone
  }, [names, chosenNames, places, stepNames, t, common, locale]);
}
