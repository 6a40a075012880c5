import { useEffect, useMemo, useRef } from "react";

/** Calls at once, then at most once per period; a call within the period is made at its end. */
export function useThrottled(action: () => void, periodMs: number): () => void {
  const latest = useRef(action);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return useMemo(() => {
    let isOwed = false;
    const rest = () => {
      timer.current = undefined;
      if (!isOwed) return;
      isOwed = false;
      run();
    };
    const run = () => {
      if (timer.current !== undefined) {
        isOwed = true;
        return;
      }
      timer.current = setTimeout(rest, periodMs);
      latest.current();
    };
    return run;
  }, [periodMs]);
}
