import type { TokenKey } from "@/components/tokens";
import type { Filter, Request } from "@/platform/types";
import type { en } from "./en";

export const GROUP_KEYS: readonly TokenKey<keyof typeof en>[] = [{ key: "name", text: "name", operators: [":", "^", "="], defaultOperator: ":" }];

type Asked = Pick<Request<"Logs_20140328.DescribeLogGroups">, "logGroupNamePattern" | "logGroupNamePrefix" | "logGroupIdentifiers">;

/** The operation looks for one thing in the names: the token that came last stays, so that the filter shows what is looked for. */
export function onlyLast(filter: Filter): Filter {
  return { Join: "and", Terms: filter.Terms.filter(({ Value }) => Value !== "").slice(-1) };
}

/** The list's filter as upstream's: part of a name, its beginning, or all of it. A bare word is a part. */
export function askedOf(filter: Filter): Asked {
  const term = onlyLast(filter).Terms[0];
  if (!term) return {};
  if (term.Op === "prefix") return { logGroupNamePrefix: term.Value };
  return term.Op === "eq" ? { logGroupIdentifiers: [term.Value] } : { logGroupNamePattern: term.Value };
}
