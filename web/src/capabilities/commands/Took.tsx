import { isTerminal } from "@/components/states";
import { useNow } from "@/components/useNow";
import { useLocale } from "@/platform/i18n/locale";
import { formatDuration } from "@/platform/time";
import type { Invocation } from "@/platform/types";

/** How long it ran, or has been running. */
export function Took({ invocation }: { invocation: Invocation }) {
  const locale = useLocale();
  const isDone = isTerminal(invocation.Status);
  const now = useNow(isDone ? 60_000 : 1000);
  if (invocation.StartedAt === undefined) return <>–</>;
  if (isDone && invocation.EndedAt === undefined) return <>–</>;
  return <>{formatDuration((invocation.EndedAt ?? now) - invocation.StartedAt, locale)}</>;
}
