import { useQueries } from "@tanstack/react-query";
import { call } from "@/platform/api";
import { useCaller } from "@/platform/caller";
import { useCommonTexts } from "./texts";

interface Resource {
  kind: string;
  id?: string;
}

/**
 * Says why the caller may not do something to this, or nothing when they may. The hub is asked for its decision, once a minute at
 * most, and decides each call anew; this only keeps a button from promising what it cannot keep. An admin whose rights nothing
 * narrows is not asked about. `actions` are names such as `ssm:SendCommand`.
 */
export function useMay({ kind, id = "" }: Resource, actions: readonly string[], isAsked = true): (action: string) => string | undefined {
  const t = useCommonTexts();
  const caller = useCaller();
  const isAdmin = caller === undefined || (caller.Roles.includes("admin") && !caller.Narrowed);
  const answers = useQueries({
    queries: actions.map((action) => ({
      queryKey: ["may", kind, id, action],
      queryFn: ({ signal }: { signal: AbortSignal }) => call("Roadstead.ExplainAccess", { Action: action, Resource: { Kind: kind, Id: id } }, signal),
      enabled: isAsked && !isAdmin,
      staleTime: 60_000,
      retry: false,
    })),
  });
  return (action) => {
    const answer = isAdmin ? undefined : answers[actions.indexOf(action)]?.data;
    return answer?.Verdict.Allowed === false ? t("notAllowed", { action }) : undefined;
  };
}
