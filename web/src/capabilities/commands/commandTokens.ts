import { STATES } from "@/components/states";
import type { TokenKey } from "@/components/tokens";
import { ApiError } from "@/platform/errors";
import { filterToText, symbolOf } from "@/platform/filter";
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
export function lastOfEach(filter: Filter): Filter {
  const last = new Map(filter.Terms.map((term) => [`${term.Key} ${term.Op}`, term]));
  return { ...filter, Terms: [...last.values()] };
}

/**
 * As upstream takes them; `now` is what "24h" counts from, in milliseconds.
 *
 * *Errors*: `ApiError` for what commands cannot be searched for, in the hub's manner: a list must not show what was not asked for.
 */
export function commandFilters(filter: Filter, now: number): ApiFilter[] {
  const terms = lastOfEach(filter).Terms;
  if (filter.Join === "or" && terms.length > 1) throw refused("commands are searched for what meets all tokens: leave out `or`");
  for (const term of terms) check(term);
  return terms.map((term) => apiFilter(term, now));
}

function check(term: FilterTerm): void {
  const known = COMMAND_KEYS.find(({ key }) => key === term.Key);
  const token = filterToText({ Join: "and", Terms: [term] });
  const keys = COMMAND_KEYS.map(({ key }) => key).join(", ");
  if (!known) throw refused(`\`${token}\`: commands are searched by ${keys}, and by no words`);
  if (!known.operators.some((symbol) => symbol === symbolOf(term.Op))) throw refused(`\`${token}\`: use \`${known.key}\` with ${known.operators.join(" or ")}`);
}

function refused(message: string): ApiError {
  return new ApiError("InvalidFilterKey", message);
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
