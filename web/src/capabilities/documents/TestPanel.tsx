import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { OneNodePicker, OneNodeRun, ParameterField, type PickedNode, sendCommand } from "@/capabilities/commands/door";
import { givenOf, problemOf, shownValue } from "@/components/documentParameters";
import { parametersQuery } from "@/components/documents";
import { ErrorState } from "@/components/ErrorState";
import { MayButton } from "@/components/MayButton";
import { unseen } from "./drafts";
import { useDocumentTexts } from "./texts";
import type { Stored } from "./useStored";

interface Props {
  name: string;
  stored: Stored;
  /** Why no version can be made of the text as it stands. */
  refusal: string | undefined;
}

interface Run {
  commandId: string;
  version: string;
  node: PickedNode;
}

interface Failure {
  error: unknown;
  title: "saveFailed" | "testFailed";
}

/** Runs the text as it stands on one node. A command runs what is stored, so the text becomes a version first, which is not the default. */
export function TestPanel({ name, stored, refusal }: Props) {
  const t = useDocumentTexts();
  const client = useQueryClient();
  const [node, setNode] = useState<PickedNode>();
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [asked, setAsked] = useState<{ version: string; names: readonly string[] }>();
  const [showErrors, setShowErrors] = useState(false);
  const [run, setRun] = useState<Run>();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const shown = stored.current ?? stored.latest;
  const query = useQuery({ ...parametersQuery(name, shown ?? ""), enabled: shown !== undefined, staleTime: Number.POSITIVE_INFINITY });
  const specs = shown === undefined ? [] : (query.data ?? []);

  const send = async (version: string, on: PickedNode) => {
    const declared = await client.fetchQuery({ ...parametersQuery(name, version), staleTime: Number.POSITIVE_INFINITY });
    const added = unseen(specs, declared);
    if (added.length > 0 || declared.some((spec) => problemOf(spec, shownValue(spec, values)) !== undefined)) {
      setAsked({ version, names: added });
      setShowErrors(added.length === 0);
      return;
    }
    const given = givenOf(declared, values);
    const commandId = await sendCommand({
      DocumentName: name,
      DocumentVersion: version,
      InstanceIds: [on.id],
      Parameters: given,
      // A test is looked at now: a node that is away says so instead of running it one day.
      OfflineNodes: "Fail",
      // One node was chosen, which is all that a confirmation would ask.
      ConfirmedTargets: 1,
      Comment: t("testComment"),
    });
    setRun({ commandId, version, node: on });
  };
  const start = async () => {
    setFailure(undefined);
    setAsked(undefined);
    setShowErrors(node === undefined);
    if (!node) return;
    setBusy(true);
    let title: Failure["title"] = "saveFailed";
    try {
      const version = await stored.store();
      title = "testFailed";
      await send(version, node);
    } catch (error) {
      setFailure({ error, title });
    }
    setBusy(false);
  };
  const label = () => {
    if (stored.current !== undefined) return t("testRun", { version: stored.current });
    return stored.latest === undefined ? t("testCreate") : t("testSave");
  };
  return (
    <Container header={<Header variant="h2">{t("test")}</Header>}>
      <SpaceBetween size="l">
        <Box color="text-body-secondary">{explained(stored, t)}</Box>
        <OneNodePicker node={node} onChange={setNode} error={showErrors && !node ? t("testNode") : undefined} />
        {query.error && <ErrorState error={query.error} title={t("testParametersFailed")} onRetry={() => void query.refetch()} />}
        {specs.map((spec) => (
          <ParameterField
            key={spec.name}
            spec={spec}
            value={shownValue(spec, values)}
            showErrors={showErrors}
            onChange={(value) => setValues((before) => ({ ...before, [spec.name]: value }))}
          />
        ))}
        {asked && asked.version === stored.current && (
          <Alert type="info">
            {asked.names.length > 0 ? t("testNewParameters", { version: asked.version, names: asked.names.join(", ") }) : t("testParameters", { version: asked.version })}
          </Alert>
        )}
        {failure && <ErrorState error={failure.error} title={t(failure.title)} />}
        <MayButton variant="primary" loading={busy} refusal={refusal} onClick={() => void start()}>
          {label()}
        </MayButton>
        {run && (
          <SpaceBetween size="s">
            <Box variant="h3">{t("testOf", { version: run.version, node: run.node.name })}</Box>
            {run.version !== stored.current && <Box color="text-body-secondary">{t("testOld")}</Box>}
            <OneNodeRun key={run.commandId} commandId={run.commandId} nodeId={run.node.id} />
          </SpaceBetween>
        )}
      </SpaceBetween>
    </Container>
  );
}

/** What pressing the button does with the text. */
function explained({ current, latest }: Stored, t: ReturnType<typeof useDocumentTexts>): string {
  if (current !== undefined) return t("testRunHelp", { version: current });
  return t(latest === undefined ? "testCreateHelp" : "testSaveHelp");
}
