import type { Operator, TokenKey } from "@/components/tokens";
import type { en } from "./en";

const TEXT: readonly Operator[] = ["=", "!=", ":", "!:", "^"];
const EXACT: readonly Operator[] = ["=", "!="];
const ORDER: readonly Operator[] = [">=", "<="];

/** The keys a person can pick, in the order in which they help most. */
export const AUDIT_KEYS: readonly TokenKey<keyof typeof en>[] = [
  { key: "user", text: "user", operators: TEXT },
  { key: "operation", text: "operation", operators: TEXT },
  { key: "node", text: "node", operators: EXACT },
  { key: "command", text: "command", operators: EXACT },
  { key: "target", text: "target", operators: TEXT },
  { key: "outcome", text: "outcome", operators: EXACT, values: ["done", "denied"] },
  // A time is compared, never equal.
  { key: "time", text: "time", operators: ORDER, values: ["1h", "24h", "7d", "30d"], defaultOperator: ">=" },
  { key: "address", text: "address", operators: TEXT },
  { key: "caller", text: "caller", operators: TEXT },
  { key: "request", text: "request", operators: EXACT },
];
