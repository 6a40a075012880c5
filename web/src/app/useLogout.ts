import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useNavigate } from "react-router";
import { call, setCsrfToken } from "@/platform/api";
import { live } from "@/platform/live";
import { setPreference } from "@/platform/preferences";

/** Ends the login here and on the hub, and leaves nothing of it in the page. */
export function useLogout(): () => Promise<void> {
  const navigate = useNavigate();
  const client = useQueryClient();
  return useCallback(async () => {
    await call("Roadstead.Logout", {}).catch(() => undefined);
    live.close();
    setCsrfToken(undefined);
    setPreference("isLoggedIn", false);
    void navigate("/login", { replace: true });
    client.clear();
  }, [navigate, client]);
}
