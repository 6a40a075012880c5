import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call, setCsrfToken } from "@/platform/api";
import { setPreference } from "@/platform/preferences";
import type { Request } from "@/platform/types";

export function useSetupState() {
  return useQuery({
    queryKey: ["setup-state"],
    queryFn: ({ signal }) => call("Roadstead.GetSetupState", {}, signal),
    retry: false,
    staleTime: 0,
  });
}

/** Logs in or creates the first administrator; afterwards nothing that was fetched before counts. */
export function useEnter() {
  const client = useQueryClient();
  return async <Name extends "Roadstead.Login" | "Roadstead.CreateFirstAdmin">(operation: Name, body: Request<Name>) => {
    const { CsrfToken } = await call(operation, body);
    setCsrfToken(CsrfToken);
    setPreference("isLoggedIn", true);
    client.clear();
  };
}

export async function listAccessKeys(signal: AbortSignal) {
  const { AccessKeys } = await call("Roadstead.ListAccessKeys", {}, signal);
  return { items: AccessKeys };
}

export function createAccessKey(description: string) {
  return call("Roadstead.CreateAccessKey", description ? { Description: description } : {});
}

export function deleteAccessKey(id: string) {
  return call("Roadstead.DeleteAccessKey", { AccessKeyId: id });
}
