import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import { useState } from "react";
import { ErrorState } from "@/components/ErrorState";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import type { AuditFinding, AuditVerdict } from "@/platform/types";
import { verifyAll } from "./api";
import { useAuditTexts } from "./texts";

const LISTED = 10;

interface State {
  verdict?: AuditVerdict;
  error?: unknown;
  rows: number;
  isRunning: boolean;
}

/** The check of the whole log: its button, and what it came to. */
export function useVerification() {
  const t = useAuditTexts();
  const locale = useLocale();
  const [state, setState] = useState<State>({ rows: 0, isRunning: false });
  const run = async () => {
    setState({ rows: 0, isRunning: true });
    try {
      const verdict = await verifyAll((rows) => setState({ rows, isRunning: true }));
      setState({ verdict, rows: verdict.Rows, isRunning: false });
    } catch (error) {
      setState({ error, rows: 0, isRunning: false });
    }
  };
  const button = (
    <Button loading={state.isRunning} loadingText={t("verifying", { rows: formatNumber(state.rows, locale) })} onClick={() => void run()}>
      {t("verify")}
    </Button>
  );
  const close = () => setState({ rows: 0, isRunning: false });
  const result = (
    <>
      {state.error !== undefined && <ErrorState error={state.error} title={t("verifyFailed")} onRetry={() => void run()} />}
      {state.verdict && <Verdict verdict={state.verdict} onClose={close} />}
    </>
  );
  return { button, result: state.verdict !== undefined || state.error !== undefined ? result : undefined };
}

function Verdict({ verdict, onClose }: { verdict: AuditVerdict; onClose: () => void }) {
  const t = useAuditTexts();
  const locale = useLocale();
  const number = (value: number) => formatNumber(value, locale);
  const extent = t("verifiedRows", { rows: number(verdict.Rows), first: number(verdict.FirstSeq), last: number(verdict.LastSeq), heads: number(verdict.Heads) });
  if (verdict.Healthy && verdict.Heads === 0) {
    return (
      <Alert type="warning" header={t("fitsTogether")} dismissible onDismiss={onClose}>
        {extent} {t("fitsTogetherHelp")}
      </Alert>
    );
  }
  if (verdict.Healthy) {
    return (
      <Alert type="success" header={t("healthy")} dismissible onDismiss={onClose}>
        {extent}
      </Alert>
    );
  }
  const left = verdict.FindingCount - Math.min(LISTED, verdict.Findings.length);
  return (
    <Alert type="error" header={t("broken", { count: verdict.FindingCount })} dismissible onDismiss={onClose}>
      {extent}
      <ul>
        {verdict.Findings.slice(0, LISTED).map((finding) => (
          <li key={`${finding.Seq} ${finding.Problem} ${finding.Source}`}>
            <Finding finding={finding} />
          </li>
        ))}
        {left > 0 && <li>{t("more", { count: left })}</li>}
      </ul>
    </Alert>
  );
}

function Finding({ finding }: { finding: AuditFinding }) {
  const t = useAuditTexts();
  return (
    <>
      {t(`problem${finding.Problem}`, { row: finding.Seq, source: finding.Source })}
      <br />
      <code>{t("expectedFound", { expected: finding.Expected, found: finding.Found })}</code>
    </>
  );
}
