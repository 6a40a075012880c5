import { useCallback, useEffect, useRef } from "react";

/** Calls at once, then at most once per period; a call within the period is made at its end. */
export function useThrottled(action: () => void, periodMs: number): () => void {
  const latest = useRef(action);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const isOwed = useRef(false);
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    const run = () => {
      isOwed.current = false;
      timer.current = setTimeout(() => {
        timer.current = undefined;
        if (isOwed.current) run();
      }, periodMs);
      latest.current();
    };
    if (timer.current === undefined) run();
    else isOwed.current = true;
  }, [periodMs]);
}
