import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import { FREE_TEXT, opOf, symbolOf } from "@/platform/filter";
import type { Filter, FilterTerm } from "@/platform/types";
import type { en } from "./en";

const TEXT_OPERATORS = ["=", "!=", ":", "!:", "^"] as const;
const ORDER_OPERATORS = ["=", "!=", ">=", "<=", "^"] as const;

/** The keys a person can pick. Tags are added as the hub knows them. */
export const NODE_KEYS: readonly { key: string; text: keyof typeof en; operators: readonly PropertyFilterProps.ComparisonOperator[] }[] = [
  { key: "name", text: "keyName", operators: TEXT_OPERATORS },
  { key: "status", text: "keyStatus", operators: ["=", "!="] },
  { key: "platform", text: "keyPlatform", operators: TEXT_OPERATORS },
  { key: "version", text: "keyVersion", operators: ORDER_OPERATORS },
  { key: "arch", text: "keyArch", operators: ["=", "!="] },
  { key: "agent", text: "keyAgent", operators: ORDER_OPERATORS },
  { key: "address", text: "keyAddress", operators: TEXT_OPERATORS },
  { key: "id", text: "keyId", operators: TEXT_OPERATORS },
];

export const TAG_OPERATORS = TEXT_OPERATORS;

/** The filter as Cloudscape's tokens and back; free text has no key there. */
export function queryFromFilter(filter: Filter): PropertyFilterProps.Query {
  return {
    operation: filter.Join,
    tokens: filter.Terms.map(({ Key, Op, Value }) =>
      Key === FREE_TEXT ? { operator: symbolOf(Op), value: Value } : { propertyKey: Key, operator: symbolOf(Op), value: Value },
    ),
  };
}

export function filterFromQuery(query: PropertyFilterProps.Query): Filter {
  return {
    Join: query.operation,
    Terms: query.tokens.map((token): FilterTerm => ({
      Key: token.propertyKey ?? FREE_TEXT,
      Op: opOf(token.operator),
      Value: String(token.value ?? ""),
    })),
  };
}
