import type { OutputSearch, StreamName } from "@/platform/types";

/** What is looked for in the outputs of a command's nodes. */
export interface Wanted {
  text: string;
  isRegex: boolean;
  ignoresCase: boolean;
  /** Both without it. */
  stream: StreamName | undefined;
  /** The nodes that do not have it. */
  isWithout: boolean;
}

/** As in the address, where an open output has its own `stream`. */
export function wantedFromParams(params: URLSearchParams): Wanted {
  const stream = params.get("in");
  return {
    text: params.get("find") ?? "",
    isRegex: params.has("regex"),
    ignoresCase: params.has("nocase"),
    stream: stream === "stdout" || stream === "stderr" ? stream : undefined,
    isWithout: params.has("without"),
  };
}

/** Only what differs from the plain search is written. */
export function wantedToParams({ text, isRegex, ignoresCase, stream, isWithout }: Wanted): Record<string, string | undefined> {
  return { find: text || undefined, regex: flag(isRegex), nocase: flag(ignoresCase), in: stream, without: flag(isWithout) };
}

function flag(is: boolean): string | undefined {
  return is ? "1" : undefined;
}

export function searchRequest(commandId: string, wanted: Wanted, states: readonly string[], cursor: string | undefined): OutputSearch {
  return {
    CommandId: commandId,
    Text: wanted.text,
    Regex: wanted.isRegex,
    IgnoreCase: wanted.ignoresCase,
    WithoutMatch: wanted.isWithout,
    ...(wanted.stream ? { Stream: wanted.stream } : {}),
    ...(states.length > 0 ? { Status: [...states] } : {}),
    ...(cursor ? { NextToken: cursor } : {}),
  };
}
