import Box from "@cloudscape-design/components/box";
import { useSearchParams } from "react-router";
import { RouteLink } from "@/components/RouteLink";
import { StatusBadge } from "@/components/StatusBadge";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { FoundLine, FoundNode } from "@/platform/types";
import { withParams } from "@/platform/view";
import { stepParam } from "./steps";
import { useCommandTexts } from "./texts";

type Place = Pick<FoundLine, "Step" | "Stream">;

/** The nodes that were found, each with its first lines; a line leads to the output that it is in. */
export function FoundNodes({ nodes }: { nodes: readonly FoundNode[] }) {
  const t = useCommandTexts();
  const [params] = useSearchParams();
  // Where there is one step, its name says nothing.
  const hasSteps = nodes.some(({ Lines }) => Lines.some(({ Step }) => Step > 0));
  const outputAt = (nodeId: string, place: Place | undefined) => {
    const stream = place?.Stream === "stderr" ? "stderr" : undefined;
    return `?${withParams(params, { tab: undefined, node: nodeId, step: stepParam(place?.Step ?? 0), stream }).toString()}`;
  };
  return (
    <ul className="found-nodes" aria-label={t("nodes")} data-rows>
      {nodes.map((node) => (
        <li key={node.NodeId}>
          <div className="output-tools">
            <RouteLink variant="primary" to={outputAt(node.NodeId, node.Lines[0])} ariaLabel={t("outputOf", { name: node.Name })}>
              {node.Name}
            </RouteLink>
            <StatusBadge status={node.StatusDetails} />
            {node.MatchingLines > 0 && <span>{t("findLines", { count: node.MatchingLines })}</span>}
          </div>
          {node.Incomplete && <Box variant="small">{t("findIncomplete")}</Box>}
          {node.Lines.length > 0 && <FirstLines node={node} hasSteps={hasSteps} outputAt={(place) => outputAt(node.NodeId, place)} />}
        </li>
      ))}
    </ul>
  );
}

interface LinesProps {
  node: FoundNode;
  hasSteps: boolean;
  outputAt: (place: Place) => string;
}

function FirstLines({ node: { Lines: lines, MatchingLines: count }, hasSteps, outputAt }: LinesProps) {
  const t = useCommandTexts();
  const locale = useLocale();
  const more = count - lines.length;
  const nameOf = ({ StepName, Stream, Number: number }: FoundLine) => [...(hasSteps ? [StepName] : []), t(Stream), t("findLine", { number: formatNumber(number, locale) })].join(", ");
  return (
    <ul className="found-lines">
      {lines.map((line) => (
        <li key={`${line.Step} ${line.Stream} ${line.Number}`}>
          <RouteLink to={outputAt(line)} fontSize="body-s">
            {nameOf(line)}
          </RouteLink>
          <code>
            {line.Text}
            {line.Cut && "…"}
          </code>
        </li>
      ))}
      {more > 0 && <li>{t("findMoreLines", { count: more })}</li>}
    </ul>
  );
}
