import { useCallback } from "react";
import { sentence } from "./ErrorState";
import { useNotify } from "./Notifications";

/** For an act without a dialog that could show why it failed: the hub's words come as a notice. Never throws. */
export function useAttempt(): (act: () => Promise<unknown>) => Promise<void> {
  const notify = useNotify();
  return useCallback(
    async (act) => {
      try {
        await act();
      } catch (cause) {
        notify({ type: "error", content: sentence(cause) });
      }
    },
    [notify],
  );
}
