import Wizard from "@cloudscape-design/components/wizard";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { ConfirmAction } from "@/components/ConfirmAction";
import { ErrorState } from "@/components/ErrorState";
import { usePage } from "@/components/usePage";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import { sendCommand } from "./api";
import { CONFIRM_ABOVE, type Draft, draftFromParams, isPaceReady, isScriptReady, resolveRequest, sendRequest } from "./draft";
import { ReviewStep } from "./ReviewStep";
import { ScriptStep } from "./ScriptStep";
import { TargetsStep } from "./TargetsStep";
import { useCommandTexts } from "./texts";
import { useResolved } from "./useResolved";

const TARGETS = 0;
const SCRIPT = 1;
const REVIEW = 2;

export default function RunPage() {
  const t = useCommandTexts();
  const locale = useLocale();
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const [draft, setDraft] = useState<Draft>(() => draftFromParams(params));
  const [step, setStep] = useState(TARGETS);
  const [showErrors, setShowErrors] = useState(false);
  const [isConfirming, setConfirming] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const resolved = useResolved(resolveRequest(draft));
  const total = resolved.data?.Total ?? 0;
  usePage(t("runCommand"), [
    { text: t("commands"), href: "/commands" },
    { text: t("runCommand"), href: "/commands/new" },
  ]);

  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const isDone = (index: number) => (index === TARGETS ? resolveRequest(draft) !== undefined && isPaceReady(draft) : isScriptReady(draft));
  const go = (to: number) => {
    const firstOpen = [TARGETS, SCRIPT].find((index) => index < to && !isDone(index));
    setShowErrors(firstOpen !== undefined);
    setStep(firstOpen ?? to);
  };
  const send = async () => {
    const commandId = await sendCommand(sendRequest(draft));
    await navigate(`/commands/${commandId}`);
  };
  const submit = async () => {
    if (!isDone(TARGETS) || !isDone(SCRIPT)) {
      go(REVIEW);
      return;
    }
    if (total > CONFIRM_ABOVE) {
      setConfirming(true);
      return;
    }
    setBusy(true);
    setError(undefined);
    await send().catch((cause: unknown) => {
      setError(cause);
      setBusy(false);
    });
  };

  return (
    <>
      <Wizard
        activeStepIndex={step}
        onNavigate={({ detail }) => go(detail.requestedStepIndex)}
        onCancel={() => void navigate(-1)}
        onSubmit={() => void submit()}
        isLoadingNextStep={busy}
        submitButtonText={total > 0 ? t("runOn", { count: total }) : t("run")}
        i18nStrings={{
          stepNumberLabel: (number) => t("stepNumber", { step: number }),
          collapsedStepsLabel: (number, count) => t("stepOf", { step: number, count }),
          skipToButtonLabel: ({ title }) => t("skipTo", { title }),
          navigationAriaLabel: t("runCommand"),
          cancelButton: t("cancel"),
          previousButton: t("previous"),
          nextButton: t("next"),
        }}
        steps={[
          {
            title: t("stepTargets"),
            description: t("stepTargetsHelp"),
            content: <TargetsStep draft={draft} onChange={change} resolved={resolved} showErrors={showErrors} />,
          },
          {
            title: t("stepScript"),
            description: t("stepScriptHelp"),
            content: <ScriptStep draft={draft} onChange={change} showErrors={showErrors} />,
          },
          {
            title: t("stepReview"),
            content: (
              <>
                {error !== undefined && <ErrorState error={error} title={t("sendFailed")} />}
                <ReviewStep draft={draft} resolved={resolved} onEdit={setStep} />
              </>
            ),
          },
        ]}
      />
      {isConfirming && (
        <ConfirmAction
          title={t("confirmTitle", { count: formatNumber(total, locale) })}
          action={t("runOn", { count: total })}
          word={String(total)}
          onConfirm={send}
          onClose={() => setConfirming(false)}
        >
          {t("confirmText", { count: formatNumber(total, locale), rate: draft.concurrency })}
        </ConfirmAction>
      )}
    </>
  );
}
