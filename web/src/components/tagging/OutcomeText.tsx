import Alert from "@cloudscape-design/components/alert";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { ErrorState, sentence } from "@/components/ErrorState";
import { RouteLink } from "@/components/RouteLink";
import { resourcePath } from "./paths";
import { keyOf } from "./plan";
import type { Failure, Outcome } from "./run";
import type { Translator } from "./texts";

const ERRORS_SHOWN = 100;

/** What was changed, what was not and why, one by one. */
export function OutcomeText({ t, outcome: { made, failed, left } }: { t: Translator; outcome: Outcome }) {
  const first = failed[0];
  return (
    <SpaceBetween size="m">
      <Alert type={failed.length + left.length > 0 ? "warning" : "success"} header={t("tagMade", { count: made.length })}>
        {left.length > 0 && t("tagLeft", { count: left.length })}
      </Alert>
      {first && failed.length === 1 && <ErrorState error={first.error} title={t("tagFailedOn", { name: first.change.name })} />}
      {failed.length > 1 && (
        <ExpandableSection headerText={t("tagFailed", { count: failed.length })} defaultExpanded>
          <ul className="plain-list tag-errors">
            {failed.slice(0, ERRORS_SHOWN).map((failure) => (
              <FailureLine key={keyOf(failure.change)} failure={failure} />
            ))}
            {failed.length > ERRORS_SHOWN && <li>{t("moreTags", { count: failed.length - ERRORS_SHOWN })}</li>}
          </ul>
        </ExpandableSection>
      )}
    </SpaceBetween>
  );
}

function FailureLine({ failure: { change, error } }: { failure: Failure }) {
  const path = resourcePath(change);
  return (
    <li>
      {path === undefined ? change.name : <RouteLink to={path}>{change.name}</RouteLink>}: {sentence(error)}
    </li>
  );
}
