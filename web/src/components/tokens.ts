import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import { FREE_TEXT, filterFromText } from "@/platform/filter";
import type { Filter, FilterTerm } from "@/platform/types";

export type Operator = PropertyFilterProps.ComparisonOperator;

const TAG = "tag:";

/** One key of a list's filter, by the words of a catalogue. */
export interface TokenKey<Text extends string> {
  key: string;
  text: Text;
  operators: readonly Operator[];
  /** What is offered before anything is typed. */
  values?: readonly string[];
  defaultOperator?: Operator;
}

/** `tag:env=prod` or `status=Failed` typed as free text is meant as that token, as on the command line. */
export function withTypedTokens(filter: Filter, keys: ReadonlySet<string>, hasTags: boolean): Filter {
  const isKnown = ({ Key }: FilterTerm) => keys.has(Key) || (hasTags && Key.startsWith(TAG));
  const terms = filter.Terms.flatMap((term) => {
    if (term.Key !== FREE_TEXT) return [term];
    const typed = filterFromText(term.Value).Terms;
    return typed.length > 0 && typed.every(isKnown) ? typed : [term];
  });
  return { ...filter, Terms: terms };
}

const OPERATORS: readonly Operator[] = ["=", "!=", ":", "!:", "^", ">=", "<="];

/** Keys that a filter has, by its address, and its list has not: they are shown as they are written, so that they can be mended. */
export function strangeProperties(filter: Filter, known: readonly { key: string }[], groupValuesLabel: string): PropertyFilterProps.FilteringProperty[] {
  const has = new Set([FREE_TEXT, ...known.map(({ key }) => key)]);
  const keys = new Set(filter.Terms.map(({ Key }) => Key).filter((key) => !has.has(key)));
  return [...keys].map((key) => ({ key, propertyLabel: key, groupValuesLabel, operators: OPERATORS }));
}

/** The tags that a filter names. */
export function tagKeysOf(filter: Filter): string[] {
  return [...new Set(filter.Terms.flatMap(({ Key }) => (Key.startsWith(TAG) ? [Key.slice(TAG.length)] : [])))];
}
