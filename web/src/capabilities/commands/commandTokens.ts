import { STATES } from "@/components/states";
import type { TokenKey } from "@/components/tokens";
import type { Filter, FilterTerm } from "@/platform/types";
import type { en } from "./en";

/** The states that upstream's filter knows of a command; here without those that only one node's share can have. */
export const COMMAND_STATES = ["Pending", "InProgress", "Success", "Failed", "TimedOut", "Cancelled", "Cancelling", "DeliveryTimedOut", "ExecutionTimedOut", "Incomplete"] as const;

const TIME = "requested_date_time";

/** The keys a person can pick; upstream's list of commands can be searched by no others, and by no words. */
export const COMMAND_KEYS: readonly TokenKey<keyof typeof en>[] = [
  { key: "status", text: "status", operators: ["="], values: COMMAND_STATES.filter((state) => state in STATES) },
  { key: "document_name", text: "document", operators: ["="] },
  { key: TIME, text: "requested", operators: [">=", "<="], values: ["1h", "24h", "7d", "30d"], defaultOperator: ">=" },
];

interface ApiFilter {
  key: string;
  value: string;
}

/** Of each key, and of each end of the time, the token that came last: upstream compares with one value. */
export function searchable(filter: Filter): Filter {
  const known = filter.Terms.filter(({ Key, Op }) => COMMAND_KEYS.some(({ key }) => key === Key) && (Key === TIME ? Op === "ge" || Op === "le" : Op === "eq"));
  const last = new Map(known.map((term) => [`${term.Key} ${term.Op}`, term]));
  return { Join: "and", Terms: [...last.values()] };
}

/** As upstream takes them; `now` is what "24h" counts from, in milliseconds. */
export function commandFilters(filter: Filter, now: number): ApiFilter[] {
  return searchable(filter).Terms.map((term) => apiFilter(term, now));
}

function apiFilter({ Key, Op, Value }: FilterTerm, now: number): ApiFilter {
  if (Key === TIME) return { key: Op === "ge" ? "InvokedAfter" : "InvokedBefore", value: moment(Value, now) };
  if (Key === "document_name") return { key: "DocumentName", value: Value };
  return { key: "Status", value: COMMAND_STATES.find((state) => state.toLowerCase() === Value.toLowerCase()) ?? Value };
}

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `24h` is so long ago, a day its beginning; anything else is for the hub to judge. */
function moment(text: string, now: number): string {
  const ago = /^(\d{1,6})([smhd])$/.exec(text.trim());
  const unit = SECONDS[ago?.[2] ?? ""];
  if (ago && unit) return iso(now - Number(ago[1]) * unit * 1000);
  return /^\d{4}-\d\d-\d\d$/.test(text.trim()) ? `${text.trim()}T00:00:00Z` : text;
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
