import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { filterFromText, filterToText } from "@/platform/filter";
import type { Filter } from "@/platform/types";
import { withParams } from "@/platform/view";

/** A list's filter, kept in the address by a name of its own: there are two lists on the page. */
export function useFilter(name: "filter" | "log"): [Filter, (filter: Filter) => void] {
  const [params, setParams] = useSearchParams();
  const text = params.get(name) ?? "";
  const filter = useMemo(() => filterFromText(text), [text]);
  return [filter, (changed) => setParams(withParams(params, { [name]: filterToText(changed) || undefined }))];
}
