import { useEffect, useRef, useState } from "react";
import { AnsiStripper } from "@/components/ansi";
import { useLive } from "@/platform/live";
import type { OutputAddress } from "./api";
import { NOTHING_SHOWN, type Shown, append, bytesFromBase64 } from "./outputText";

interface OutputEvent {
  Offset?: number;
  Data?: string;
  Text?: string;
  End?: true;
}

export interface LiveOutput {
  shown: Shown;
  isEnded: boolean;
  error: unknown;
}

const DRAW_EVERY_MS = 100;

/** Output as it is written on the node. Text is decoded across pieces and drawn a few times a second. */
export function useLiveOutput(address: OutputAddress, enabled: boolean): LiveOutput {
  const [output, setOutput] = useState<LiveOutput>({ shown: NOTHING_SHOWN, isEnded: false, error: undefined });
  const reader = useRef<{ seen: number; decoder: TextDecoder; stripper: AnsiStripper; waiting: string }>(undefined);
  reader.current ??= { seen: 0, decoder: new TextDecoder(), stripper: new AnsiStripper(), waiting: "" };
  const { current } = reader;

  const draw = () => {
    const text = current.waiting;
    current.waiting = "";
    if (text !== "") setOutput((before) => ({ ...before, shown: append(before.shown, text) }));
  };
  useEffect(() => {
    if (!enabled) return undefined;
    const timer = setInterval(draw, DRAW_EVERY_MS);
    return () => clearInterval(timer);
  });

  useLive<OutputEvent>("output", {
    args: enabled && !output.isEnded ? { CommandId: address.commandId, NodeId: address.nodeId, Step: address.step, Stream: address.stream } : undefined,
    resume: () => ({ Offset: current.seen }),
    onEvent: (event) => {
      if (event.Offset !== undefined && event.Data !== undefined) {
        const bytes = bytesFromBase64(event.Data);
        const fresh = bytes.subarray(Math.min(Math.max(current.seen - event.Offset, 0), bytes.length));
        current.seen = Math.max(current.seen, event.Offset + bytes.length);
        current.waiting += current.stripper.strip(current.decoder.decode(fresh, { stream: true }));
      }
      if (event.End) {
        draw();
        setOutput((before) => ({ ...before, isEnded: true }));
      }
    },
    onError: (error) => setOutput((before) => ({ ...before, isEnded: true, error })),
  });
  return output;
}
