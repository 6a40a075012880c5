import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { type View, viewFromParams, viewToParams } from "./view";

/** A list's view, kept in the address; the page size that a person chose for the list is its default. */
export function useView(list: { size: number; setSize: (size: number) => void }): [View, (change: Partial<View>) => void] {
  const [params, setParams] = useSearchParams();
  const view = useMemo(() => viewFromParams(params, list.size), [params, list.size]);
  const change = (part: Partial<View>) => {
    if (part.size) list.setSize(part.size);
    setParams(viewToParams({ ...view, ...part }, part.size ?? list.size));
  };
  return [view, change];
}
