import { type ListPreference, preference, setPreference, usePreference } from "@/platform/preferences";
import { PAGE_SIZES } from "@/platform/view";

/** One list and what a person chose for it. */
export interface List {
  size: number;
  setSize: (size: number) => void;
  /** The page sizes on offer; none for a list that always comes whole. */
  sizes: readonly number[];
  chosen: ListPreference;
  choose: (change: ListPreference) => void;
}

/** `name` is the key under which the choice is kept; `sizes` says what the operation behind the list can answer. */
export function useList(name: string, sizes: readonly number[] = PAGE_SIZES): List {
  const [lists] = usePreference("lists");
  const [defaultSize] = usePreference("pageSize");
  const chosen = lists[name] ?? {};
  // From what is stored now: two changes may follow each other before this list is drawn again.
  const choose = (change: ListPreference) => {
    const all = preference("lists");
    setPreference("lists", { ...all, [name]: { ...all[name], ...change } });
  };
  const wanted = chosen.size ?? defaultSize;
  return {
    size: sizes.findLast((size) => size <= wanted) ?? sizes[0] ?? 100,
    setSize: (size) => choose({ size }),
    sizes,
    chosen,
    choose,
  };
}
