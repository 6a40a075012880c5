import type { FlashbarProps } from "@cloudscape-design/components/flashbar";
import { type ReactNode, Suspense, createContext, lazy, useCallback, useContext, useMemo, useRef, useState } from "react";
import { piece } from "@/platform/code";

interface Notice {
  type: FlashbarProps.Type;
  content: ReactNode;
}

interface Notifications {
  notify: (notice: Notice) => void;
  bar: ReactNode;
}

const Context = createContext<Notifications>({ notify: () => {}, bar: undefined });
const Flashbar = lazy(() => piece(() => import("@cloudscape-design/components/flashbar")));
const STAYS_MS = 8000;

/** Short words about what just happened. Errors stay until they are closed. */
export function NotificationsProvider({ closeLabel, children }: { closeLabel: string; children: ReactNode }) {
  const [items, setItems] = useState<(Notice & { id: string })[]>([]);
  const count = useRef(0);
  const dismiss = useCallback((id: string) => setItems((all) => all.filter((item) => item.id !== id)), []);
  const notify = useCallback(
    (notice: Notice) => {
      const id = String(++count.current);
      setItems((all) => [{ ...notice, id }, ...all].slice(0, 5));
      if (notice.type !== "error") setTimeout(() => dismiss(id), STAYS_MS);
    },
    [dismiss],
  );
  const value = useMemo<Notifications>(
    () => ({
      notify,
      bar: items.length > 0 && (
        <Suspense>
          <Flashbar
            items={items.map((item) => ({ ...item, dismissible: true, dismissLabel: closeLabel, onDismiss: () => dismiss(item.id) }))}
          />
        </Suspense>
      ),
    }),
    [notify, items, dismiss, closeLabel],
  );
  return <Context value={value}>{children}</Context>;
}

export function useNotify(): Notifications["notify"] {
  return useContext(Context).notify;
}

export function useNotificationBar(): ReactNode {
  return useContext(Context).bar;
}
