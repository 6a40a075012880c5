import { useQuery, useQueryClient } from "@tanstack/react-query";
import { roadstead, setCsrfToken } from "@/platform/api";
import { setPreference } from "@/platform/preferences";
import type { AccessKey, CreatedAccessKey, LoginResult, SetupState } from "@/platform/types";

export function useSetupState() {
  return useQuery({
    queryKey: ["setup-state"],
    queryFn: ({ signal }) => roadstead<SetupState>("GetSetupState", {}, signal),
    retry: false,
    staleTime: 0,
  });
}

/** Logs in or creates the first administrator; afterwards nothing that was fetched before counts. */
export function useEnter() {
  const client = useQueryClient();
  return async (operation: "Login" | "CreateFirstAdmin", body: object) => {
    const { CsrfToken } = await roadstead<LoginResult>(operation, body);
    setCsrfToken(CsrfToken);
    setPreference("isLoggedIn", true);
    client.clear();
  };
}

export async function listAccessKeys(signal: AbortSignal) {
  const { AccessKeys } = await roadstead<{ AccessKeys: AccessKey[] }>("ListAccessKeys", {}, signal);
  return { items: AccessKeys };
}

export function createAccessKey(description: string) {
  return roadstead<CreatedAccessKey>("CreateAccessKey", description ? { Description: description } : {});
}

export function deleteAccessKey(id: string) {
  return roadstead("DeleteAccessKey", { AccessKeyId: id });
}
