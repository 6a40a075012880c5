import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { usePreference } from "./preferences";
import { type View, viewFromParams, viewToParams } from "./view";

/** A list's view, kept in the address; the page size is remembered for the next list too. */
export function useView(): [View, (change: Partial<View>) => void] {
  const [params, setParams] = useSearchParams();
  const [defaultSize, setDefaultSize] = usePreference("pageSize");
  const view = useMemo(() => viewFromParams(params, defaultSize), [params, defaultSize]);
  const change = (part: Partial<View>) => {
    if (part.size) setDefaultSize(part.size);
    setParams(viewToParams({ ...view, ...part }, part.size ?? defaultSize));
  };
  return [view, change];
}
