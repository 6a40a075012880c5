import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import { type Effect, type Plan, type Rule, type Tagged, effectsOf } from "./plan";
import type { Translator } from "./texts";

const VALUES_SHOWN = 3;
const NAMES_SHOWN = 5;

interface Props {
  t: Translator;
  nodes: readonly Tagged[];
  rules: readonly Rule[];
  plan: Plan;
}

/** What would change where, before anything does. */
export function PlanPreview({ t, nodes, rules, plan }: Props) {
  if (rules.length === 0) return <Box color="text-body-secondary">{t("tagPreviewNone")}</Box>;
  return (
    <SpaceBetween size="s">
      <Box variant="strong">{t("tagPreview", { changes: plan.changes.length, unchanged: plan.unchanged })}</Box>
      <ul className="plain-list">
        {effectsOf(nodes, rules).map((effect) => (
          <li key={effect.rule.key}>
            <EffectText t={t} effect={effect} />
          </li>
        ))}
      </ul>
      {plan.full.length > 0 && (
        <Alert type="warning" header={t("tagFull", { count: plan.full.length })}>
          {namesOf(plan.full)}
        </Alert>
      )}
    </SpaceBetween>
  );
}

function EffectText({ t, effect: { rule, added, changed, removed, same, lost } }: { t: Translator; effect: Effect }) {
  const locale = useLocale();
  const number = (count: number) => formatNumber(count, locale);
  const more = lost.length - VALUES_SHOWN;
  const values = lost.slice(0, VALUES_SHOWN).map(({ value, count }) => t("tagLost", { value: value || "“”", count: number(count) }));
  const parts = [
    added > 0 && t("tagAdded", { count: number(added) }),
    changed > 0 && t("tagChanged", { count: number(changed) }),
    removed > 0 && t("tagRemoved", { count: number(removed) }),
    values.length > 0 && t("tagWas", { values: values.join(", ") + (more > 0 ? t("tagLostMore", { count: number(more) }) : "") }),
    same > 0 && t(SAME[rule.action], { count: number(same) }),
  ];
  return (
    <>
      <Badge color={rule.action === "remove" ? "grey" : "blue"}>{rule.action === "remove" || rule.value === "" ? rule.key : `${rule.key}=${rule.value}`}</Badge>{" "}
      {parts.filter(Boolean).join(" · ")}
    </>
  );
}

const SAME = { set: "tagSame", add: "tagThere", remove: "tagNotThere" } as const;

function namesOf(nodes: readonly Tagged[]): string {
  const names = nodes.slice(0, NAMES_SHOWN).map(({ name }) => name);
  return [...names, ...(nodes.length > NAMES_SHOWN ? ["…"] : [])].join(", ");
}
