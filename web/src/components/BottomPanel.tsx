import { type ReactNode, createContext, useContext, useEffect, useRef } from "react";
import { createPortal } from "react-dom";

export interface PanelRequest {
  header: string;
  onClose: () => void;
}

interface PanelSlot {
  /** Where the shell shows the panel's content; nothing until it is open. */
  target: HTMLElement | null;
  request: (panel: PanelRequest | undefined) => void;
}

export const PanelContext = createContext<PanelSlot>({ target: null, request: () => {} });

interface Props {
  header: string;
  onClose: () => void;
  children: ReactNode;
}

/** Shows its content in the shell's panel below (or beside) the page, for as long as it is rendered. */
export function BottomPanel({ header, onClose, children }: Props) {
  const { target, request } = useContext(PanelContext);
  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  });
  useEffect(() => {
    request({ header, onClose: () => close.current() });
    return () => request(undefined);
  }, [request, header]);
  return target ? createPortal(children, target) : null;
}
