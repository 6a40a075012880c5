import { documentAt } from "@/platform/links";
import type { Named } from "./plan";

/** The page of a resource; some have none. */
export function resourcePath({ type, id }: Named): string | undefined {
  if (type === "ManagedInstance") return `/nodes/${id}`;
  if (type === "Parameter") return `/parameters/at?${new URLSearchParams({ name: id }).toString()}`;
  if (type === "Document") return documentAt(id);
  return undefined;
}
