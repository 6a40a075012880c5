/**
 * The session's binary frames, one per WebSocket message: a kind byte, then the payload. Up: Input 1, Resize 2, End 3;
 * down: Output 17 (8 bytes absolute offset, big-endian, then the bytes) and Ended 18 (JSON).
 */

export const SUBPROTOCOL = "roadstead.session.v1";
/** A frame is at most 64 KiB; longer input goes in pieces. */
const INPUT_MOST = 32 * 1024;

export type EndReason =
  | "Exited"
  | "Terminated"
  | "IdleTimeout"
  | "MaxDuration"
  | "Abandoned"
  | "TakenOver"
  | "Unknown"
  | "StartFailed"
  | "Refused";

export interface Ended {
  reason: EndReason;
  exit_code: number | null;
  message: string;
}

export type DownFrame = { kind: "output"; offset: number; bytes: Uint8Array } | { kind: "ended"; ended: Ended } | { kind: "unknown" };

export interface OpeningAnswer {
  Attached?: { Offset: number; Started: boolean };
  Error?: { Code: string; Message: string };
}

const encoder = new TextEncoder();

export function inputFrames(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length; at += INPUT_MOST) frames.push(frame(1, bytes.subarray(at, at + INPUT_MOST)));
  return frames;
}

export function resizeFrame(cols: number, rows: number): Uint8Array<ArrayBuffer> {
  return frame(2, encoder.encode(JSON.stringify({ cols, rows })));
}

export function endFrame(): Uint8Array<ArrayBuffer> {
  return frame(3, new Uint8Array());
}

function frame(kind: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + payload.length);
  bytes[0] = kind;
  bytes.set(payload, 1);
  return bytes;
}

export function parseFrame(message: ArrayBuffer): DownFrame {
  const view = new DataView(message);
  if (view.byteLength >= 9 && view.getUint8(0) === 17) {
    return { kind: "output", offset: Number(view.getBigUint64(1)), bytes: new Uint8Array(message, 9) };
  }
  if (view.byteLength > 1 && view.getUint8(0) === 18) {
    return { kind: "ended", ended: JSON.parse(new TextDecoder().decode(new Uint8Array(message, 1))) as Ended };
  }
  return { kind: "unknown" };
}

/** What of a piece of output is new when everything up to `seen` is known already. */
export function unseen(offset: number, bytes: Uint8Array, seen: number): Uint8Array {
  return offset >= seen ? bytes : bytes.subarray(Math.min(seen - offset, bytes.length));
}
