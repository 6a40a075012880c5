import { filterFromText, filterToText } from "./filter";
import type { Filter, Sort } from "./types";

/** What of a list lives in the address: filter, order and page size. */
export interface View {
  filter: Filter;
  sort: Sort | undefined;
  size: number;
}

export const PAGE_SIZES = [20, 50, 100] as const;
/** Upstream's own lists hold no more on a page. */
export const UPSTREAM_PAGE_SIZES = [20, 50] as const;

export function viewFromParams(params: URLSearchParams, defaultSize: number): View {
  const sort = params.get("sort") ?? "";
  const size = Number(params.get("size") ?? defaultSize);
  return {
    filter: filterFromText(params.get("filter") ?? ""),
    sort: sort === "" ? undefined : { Key: sort.replace(/^-/, ""), Descending: sort.startsWith("-") },
    size: PAGE_SIZES.find((known) => known === size) ?? PAGE_SIZES[0],
  };
}

/** Only what differs from the default is written, so that a plain list has a plain address. */
export function viewToParams(view: View, defaultSize: number): URLSearchParams {
  const params = new URLSearchParams();
  const text = filterToText(view.filter);
  if (text) params.set("filter", text);
  if (view.sort) params.set("sort", (view.sort.Descending ? "-" : "") + view.sort.Key);
  if (view.size !== defaultSize) params.set("size", String(view.size));
  return params;
}

/** The address with these changes: a list gives every value of its name, nothing takes the name away. */
export function withParams(params: URLSearchParams, changes: Readonly<Record<string, string | readonly string[] | undefined>>): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const item of [value ?? []].flat()) next.append(name, item);
  }
  return next;
}
