import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import { FREE_TEXT, filterFromText } from "@/platform/filter";
import type { Filter } from "@/platform/types";

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

/** `tag:env=prod` typed as free text is meant as that tag. */
export function withTypedTags(filter: Filter): Filter {
  const terms = filter.Terms.flatMap((term) => {
    if (term.Key !== FREE_TEXT || !term.Value.startsWith(TAG)) return [term];
    const typed = filterFromText(term.Value).Terms;
    return typed.every(({ Key }) => Key.startsWith(TAG)) ? typed : [term];
  });
  return { ...filter, Terms: terms };
}

/** The tags that a filter names. */
export function tagKeysOf(filter: Filter): string[] {
  return [...new Set(filter.Terms.flatMap(({ Key }) => (Key.startsWith(TAG) ? [Key.slice(TAG.length)] : [])))];
}
