import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "@/platform/api";
import { setPreference } from "@/platform/preferences";
import type { OidcSettings, Request } from "@/platform/types";

export function useSetupState() {
  return useQuery({
    queryKey: ["setup-state"],
    queryFn: ({ signal }) => call("Roadstead.GetSetupState", {}, signal),
    retry: false,
    staleTime: 0,
  });
}

/** The login is complete: nothing that was fetched before counts. */
export function useEntered() {
  const client = useQueryClient();
  return () => {
    setPreference("isLoggedIn", true);
    client.clear();
  };
}

export async function listAccessKeys(signal: AbortSignal) {
  const { AccessKeys } = await call("Roadstead.ListAccessKeys", {}, signal);
  return { items: AccessKeys };
}

export function createAccessKey(request: Request<"Roadstead.CreateAccessKey">) {
  return call("Roadstead.CreateAccessKey", request);
}

export function setAccessKeyStatus(id: string, status: "Active" | "Inactive") {
  return call("Roadstead.UpdateAccessKey", { AccessKeyId: id, Status: status });
}

export function deleteAccessKey(id: string) {
  return call("Roadstead.DeleteAccessKey", { AccessKeyId: id });
}

export async function listLoginSessions(userName: string, signal: AbortSignal) {
  const { LoginSessions } = await call("Roadstead.ListLoginSessions", { UserName: userName }, signal);
  return { items: LoginSessions };
}

export const oidcQuery = queryOptions({ queryKey: ["oidc"], queryFn: ({ signal }) => call("Roadstead.GetOidc", {}, signal) });

/** An empty secret leaves the one that is set. */
export function putOidc(settings: OidcSettings, secret: string) {
  return call("Roadstead.PutOidc", { Settings: settings, ...(secret && { ClientSecret: secret }) });
}

export function deleteOidc() {
  return call("Roadstead.DeleteOidc", {});
}
