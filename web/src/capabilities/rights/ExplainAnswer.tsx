import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { ErrorState, sentence } from "@/components/ErrorState";
import type { Result } from "@/platform/types";
import { type Question, explainQuestion, explainRequest } from "./api";
import { useRightsTexts } from "./texts";
import { AllowedBadge } from "./WhoMay";

type Explained = Result<"Roadstead.ExplainAccess">;

export function UserAnswer({ question, user }: { question: Question; user: string }) {
  return <Answer name={["explain", question, user]} ask={(signal) => explainQuestion(question, user, signal)} />;
}

export function RequestAnswer({ requestId, user }: { requestId: string; user: string | undefined }) {
  return <Answer name={["explain", requestId, user]} ask={(signal) => explainRequest(requestId, user, signal)} />;
}

function Answer({ name, ask }: { name: readonly unknown[]; ask: (signal: AbortSignal) => Promise<Explained> }) {
  const query = useQuery({ queryKey: name, queryFn: ({ signal }) => ask(signal), retry: false });
  if (query.error) return <ErrorState error={query.error} />;
  return query.data ? <Explanation answer={query.data} /> : <Spinner />;
}

/** The decision, and every statement that had a say in it. */
function Explanation({ answer: { Action, Resource, Verdict, RecordedReason, Statements } }: { answer: Explained }) {
  const t = useRightsTexts();
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{t("verdictFor", { name: Verdict.UserName })}</Header>}>
        <KeyValuePairs
          columns={4}
          minColumnWidth={190}
          items={[
            { label: t("verdict"), value: <AllowedBadge isAllowed={Verdict.Allowed} /> },
            { label: t("why"), value: sentence(Verdict.Reason) },
            { label: t("action"), value: <code>{Action}</code> },
            { label: t("resource"), value: <code>{[Resource.Kind, Resource.Id].filter(Boolean).join(" ")}</code> },
            ...(RecordedReason ? [{ label: t("recorded"), value: sentence(RecordedReason) }] : []),
          ]}
        />
      </Container>
      <Table
        items={Statements}
        header={
          <Header variant="h2" description={t("consideredHelp")}>
            {t("considered")}
          </Header>
        }
        empty={<Box color="text-body-secondary">{t("consideredNone")}</Box>}
        columnDefinitions={[
          { id: "effect", header: t("effect"), cell: ({ Effect }) => t(Effect === "Allow" ? "allow" : "deny") },
          { id: "policy", header: t("policyName"), cell: ({ Policy }) => Policy },
          { id: "statement", header: t("sid"), cell: ({ Statement }) => Statement },
          { id: "via", header: t("via"), cell: ({ Via }) => Via },
          { id: "matches", header: t("matches"), cell: ({ Matches }) => t(Matches ? "yes" : "no") },
        ]}
      />
    </SpaceBetween>
  );
}
