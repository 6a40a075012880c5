import Wizard from "@cloudscape-design/components/wizard";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { ConfirmAction } from "@/components/ConfirmAction";
import { parametersQuery } from "@/components/documents";
import { ErrorState } from "@/components/ErrorState";
import { usePage } from "@/components/usePage";
import { useLocale } from "@/platform/i18n/locale";
import { formatNumber } from "@/platform/time";
import { needsCount, ownLimitsQuery, sendCommand } from "./api";
import { CONFIRM_ABOVE, type Draft, draftFromParams, isPaceReady, isWhatReady, resolveRequest, sendRequest } from "./draft";
import { ReviewStep } from "./ReviewStep";
import { TargetsStep } from "./TargetsStep";
import { useCommandTexts } from "./texts";
import { useResolved } from "./useResolved";
import { WhatStep } from "./WhatStep";

const TARGETS = 0;
const WHAT = 1;
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
  const client = useQueryClient();
  const limits = useQuery(ownLimitsQuery).data ?? {};
  const confirmAbove = Math.min(CONFIRM_ABOVE, limits.ConfirmAbove ?? CONFIRM_ABOVE);
  const specs = useQuery({ ...parametersQuery(draft.documentName, draft.documentVersion), enabled: draft.what === "document" && draft.documentName !== "" }).data;
  usePage(t("runCommand"), [
    { text: t("commands"), href: "/commands" },
    { text: t("runCommand"), href: "/commands/new" },
  ]);

  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const isDone = (index: number) => (index === TARGETS ? resolveRequest(draft) !== undefined && isPaceReady(draft) : isWhatReady(draft, specs));
  const go = (to: number) => {
    const firstOpen = [TARGETS, WHAT].find((index) => index < to && !isDone(index));
    setShowErrors(firstOpen !== undefined);
    setStep(firstOpen ?? to);
  };
  const send = async (confirmed?: number) => {
    try {
      const commandId = await sendCommand({ ...sendRequest(draft, specs ?? []), ...(confirmed === undefined ? {} : { ConfirmedTargets: confirmed }) });
      await navigate(`/commands/${commandId}`);
    } catch (cause) {
      // The hub counts anew: it may reach another number than was typed, and other limits may count by now.
      resolved.retry();
      void client.invalidateQueries({ queryKey: ownLimitsQuery.queryKey });
      throw cause;
    }
  };
  const submit = async () => {
    if (!isDone(TARGETS) || !isDone(WHAT)) {
      go(REVIEW);
      return;
    }
    if (total > confirmAbove) {
      setConfirming(true);
      return;
    }
    setBusy(true);
    setError(undefined);
    await send().catch((cause: unknown) => {
      if (needsCount(cause)) setConfirming(true);
      else setError(cause);
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
            title: t("stepWhat"),
            description: t("stepWhatHelp"),
            content: <WhatStep draft={draft} onChange={change} showErrors={showErrors} />,
          },
          {
            title: t("stepReview"),
            content: (
              <>
                {error !== undefined && <ErrorState error={error} title={t("sendFailed")} />}
                <ReviewStep draft={draft} specs={specs ?? []} resolved={resolved} limits={limits} onEdit={setStep} />
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
          onConfirm={() => send(total)}
          onClose={() => setConfirming(false)}
        >
          {t("confirmText", { count: formatNumber(total, locale), rate: draft.concurrency })}
        </ConfirmAction>
      )}
    </>
  );
}
