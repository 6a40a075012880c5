import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { RouterProvider, createMemoryRouter } from "react-router";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { setPreference } from "@/platform/preferences";
import { RequireCaller } from "./RequireCaller";

const answers: Record<string, object | undefined> = {};

beforeEach(() => {
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    const target = new Headers(init.headers).get("X-Amz-Target") ?? "";
    const body = answers[target];
    return new Response(JSON.stringify(body ?? { __type: "MissingAuthenticationTokenException", message: "log in" }), { status: body ? 200 : 400 });
  });
});

afterEach(() => vi.unstubAllGlobals());

function visit(client: QueryClient) {
  const routes = [
    { path: "/nodes", element: <RequireCaller>the page</RequireCaller> },
    { path: "/login", element: "the login" },
    { path: "/setup", element: "the set-up" },
  ];
  const router = createMemoryRouter(routes, { initialEntries: ["/nodes?filter=a"] });
  render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return router;
}

it("waits for the caller, even when the login page left its own answers behind", async () => {
  setPreference("isLoggedIn", true);
  answers["Roadstead.GetCaller"] = { UserName: "ann" };
  const client = new QueryClient();
  client.setQueryData(["setup-state"], { NeedsAdmin: false });
  visit(client);
  expect(await screen.findByText("the page")).toBeTruthy();
});

it("leads to the login and remembers where one wanted to go", async () => {
  setPreference("isLoggedIn", true);
  answers["Roadstead.GetCaller"] = undefined;
  answers["Roadstead.GetSetupState"] = { NeedsAdmin: false };
  const router = visit(new QueryClient());
  expect(await screen.findByText("the login")).toBeTruthy();
  expect(router.state.location.search).toBe("?next=%2Fnodes%3Ffilter%3Da");
});

it("leads to the set-up while there is no administrator", async () => {
  setPreference("isLoggedIn", false);
  answers["Roadstead.GetSetupState"] = { NeedsAdmin: true };
  visit(new QueryClient());
  expect(await screen.findByText("the set-up")).toBeTruthy();
});
