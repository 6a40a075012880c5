import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ComparedText } from "@/components/ComparedText";
import { ErrorState } from "@/components/ErrorState";
import type { OutputGroup } from "@/platform/types";
import { type StepTexts, groupTexts } from "./groupTexts";
import { useCommandTexts } from "./texts";

interface Props {
  commandId: string;
  group: OutputGroup;
  largest: OutputGroup;
}

/** Equal lines that are shown around a difference. */
const CONTEXT = 3;

/** How a group's output differs from that of most nodes; worked out when somebody wants to see it. */
export function GroupDifference(props: Props) {
  const t = useCommandTexts();
  const [isOpen, setOpen] = useState(false);
  return (
    <ExpandableSection headerText={t("difference")} expanded={isOpen} onChange={({ detail }) => setOpen(detail.expanded)}>
      {isOpen && <Difference {...props} />}
    </ExpandableSection>
  );
}

function Difference({ commandId, group, largest }: Props) {
  const t = useCommandTexts();
  const query = useQuery({
    queryKey: ["group-difference", commandId, largest.OutputHash, group.OutputHash],
    queryFn: ({ signal }) => Promise.all([groupTexts(commandId, largest, signal), groupTexts(commandId, group, signal)]),
    // What a hash stands for does not change.
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Spinner />;
  const [most, these] = query.data;
  const isCut = [...most, ...these].some((step) => step.isCut);
  const differing = differences(most, these);
  if (differing.length === 0) return <Box>{t(isCut ? "differenceFurther" : "differenceState")}</Box>;
  return (
    <SpaceBetween size="s">
      <Box color="text-body-secondary">{t("differenceHelp")}</Box>
      {differing.map(({ at, name, stream, before, after }) => {
        const label = these.length > 1 ? `${t("stepName", { number: at + 1, name })}, ${t(stream)}` : t(stream);
        return (
          <div key={label}>
            <Box variant="awsui-key-label">{label}</Box>
            <ComparedText before={before} after={after} label={t("differenceOf", { name: label })} context={CONTEXT} />
          </div>
        );
      })}
      {isCut && <Box variant="small">{t("differenceCut")}</Box>}
    </SpaceBetween>
  );
}

/** The streams that differ, step by step; a step that one of them has not is empty there. */
function differences(most: readonly StepTexts[], these: readonly StepTexts[]) {
  const steps = most.length > these.length ? most : these;
  const pairs = steps.flatMap(({ name }, at) =>
    (["stdout", "stderr"] as const).map((stream) => ({ at, name, stream, before: most[at]?.[stream] ?? "", after: these[at]?.[stream] ?? "" })),
  );
  return pairs.filter(({ before, after }) => before !== after);
}
