import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import type { en } from "./en";

type Operators = readonly PropertyFilterProps.ComparisonOperator[];

const TEXT: Operators = ["=", "!=", ":", "!:", "^"];
const EXACT: Operators = ["=", "!="];
const ORDER: Operators = [">=", "<="];

/** The keys a person can pick, in the order in which they help most. */
export const AUDIT_KEYS: readonly { key: string; text: keyof typeof en; operators: Operators; values?: readonly string[] }[] = [
  { key: "user", text: "user", operators: TEXT },
  { key: "operation", text: "operation", operators: TEXT },
  { key: "node", text: "node", operators: EXACT },
  { key: "command", text: "command", operators: EXACT },
  { key: "target", text: "target", operators: TEXT },
  { key: "outcome", text: "outcome", operators: EXACT, values: ["done", "denied"] },
  { key: "time", text: "time", operators: ORDER, values: ["1h", "24h", "7d", "30d"] },
  { key: "address", text: "address", operators: TEXT },
  { key: "caller", text: "caller", operators: TEXT },
  { key: "request", text: "request", operators: EXACT },
];

/** What is offered before anything is typed. */
export const AUDIT_VALUES: PropertyFilterProps.FilteringOption[] = AUDIT_KEYS.flatMap(({ key, values }) =>
  (values ?? []).map((value) => ({ propertyKey: key, value })),
);
