import type { BreadcrumbGroupProps } from "@cloudscape-design/components/breadcrumb-group";
import { createContext, useContext, useEffect } from "react";

export type Crumb = BreadcrumbGroupProps.Item;

export const CrumbContext = createContext<(crumbs: readonly Crumb[]) => void>(() => {});

/** A page says what it is: the window's title and the way back to it. */
export function usePage(title: string, crumbs: readonly Crumb[] = []): void {
  const setCrumbs = useContext(CrumbContext);
  const key = JSON.stringify(crumbs);
  useEffect(() => {
    document.title = title ? `${title} · Roadstead` : "Roadstead";
  }, [title]);
  useEffect(() => {
    setCrumbs(JSON.parse(key) as Crumb[]);
    return () => setCrumbs([]);
  }, [setCrumbs, key]);
}
