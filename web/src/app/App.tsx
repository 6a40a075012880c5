import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "react-router";
import { whenFrozen, whenUnauthenticated } from "@/platform/api";
import { callerQuery } from "@/platform/caller";
import { ApiError } from "@/platform/errors";
import { freezeQuery } from "@/platform/freeze";
import { useAppearance } from "./appearance";
import { CloudscapeTexts } from "./CloudscapeTexts";
import { router } from "./routes";

const client = new QueryClient({
  defaultOptions: {
    // The hub is often reached without any way to the internet: what the browser thinks of that does not matter.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 2000,
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.isUnreachable,
    },
  },
});

// The login ended under us: ask who we are again, which leads to the login page and back here.
whenUnauthenticated(() => {
  if (client.getQueryData(callerQuery.queryKey)) void client.resetQueries({ queryKey: callerQuery.queryKey });
});

// Whoever is refused for a freeze reads of it at once, not at the next look.
whenFrozen(() => void client.invalidateQueries({ queryKey: freezeQuery.queryKey }));

export function App() {
  useAppearance();
  return (
    <QueryClientProvider client={client}>
      <CloudscapeTexts>
        <RouterProvider router={router} />
      </CloudscapeTexts>
    </QueryClientProvider>
  );
}
