/** Pure pieces of the output view. */

export interface Chunk {
  id: number;
  text: string;
}

export interface Shown {
  chunks: readonly Chunk[];
  /** Characters dropped from the front to keep the page quick. */
  dropped: number;
}

export const NOTHING_SHOWN: Shown = { chunks: [], dropped: 0 };

const CHUNK_MOST = 32 * 1024;
const SHOWN_MOST = 2 * 1024 * 1024;

/** Appends to the last chunk until that is full, so that only it is drawn again; drops the oldest beyond the limit. */
export function append({ chunks, dropped }: Shown, text: string, most: number = SHOWN_MOST): Shown {
  if (text === "") return { chunks, dropped };
  const last = chunks.at(-1);
  const grown =
    last && last.text.length + text.length <= CHUNK_MOST
      ? [...chunks.slice(0, -1), { id: last.id, text: last.text + text }]
      : [...chunks, { id: (last?.id ?? 0) + 1, text }];
  let total = grown.reduce((sum, chunk) => sum + chunk.text.length, 0);
  let first = 0;
  let gone = dropped;
  while (total > most && first < grown.length - 1) {
    const length = grown[first]?.text.length ?? 0;
    total -= length;
    gone += length;
    first += 1;
  }
  return { chunks: grown.slice(first), dropped: gone };
}

export function bytesFromBase64(data: string): Uint8Array {
  return Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
}
