import { queryOptions, useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { call, setCsrfToken } from "./api";
import { ApiError } from "./errors";
import { preference } from "./preferences";
import type { Caller } from "./types";

export const callerQuery = queryOptions({
  queryKey: ["caller"],
  queryFn: async ({ signal }) => {
    if (!preference("isLoggedIn")) throw new ApiError("MissingAuthenticationTokenException", "nobody is logged in");
    const caller = await call("Roadstead.GetCaller", {}, signal);
    setCsrfToken(caller.CsrfToken);
    return caller;
  },
  staleTime: Number.POSITIVE_INFINITY,
  retry: false,
});

export function useCallerQuery() {
  return useQuery(callerQuery);
}

export const CallerContext = createContext<Caller | undefined>(undefined);

export function useCaller(): Caller | undefined {
  return useContext(CallerContext);
}
