import createWrapper from "@cloudscape-design/components/test-utils/dom";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen, waitFor } from "@testing-library/react";
import { RouterProvider, createMemoryRouter } from "react-router";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SearchNodesRequest } from "@/platform/types";
import NodesPage from "./NodesPage";

const asked: SearchNodesRequest[] = [];

class SilentSocket extends EventTarget {
  static readonly OPEN = 1;
  readonly readyState = 0;
  send(): void {}
  close(): void {}
}

const node = (id: number) => ({ NodeId: `mi-${id}`, Name: `web-${id}`, Status: "Online", Addresses: [], Tags: [], JoinedAt: 1_790_000_000 });

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal("WebSocket", SilentSocket);
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    const request = JSON.parse(String(init.body)) as SearchNodesRequest;
    const target = new Headers(init.headers).get("X-Amz-Target");
    if (target !== "Roadstead.SearchNodes") return new Response("{\"Values\":[]}");
    asked.push(request);
    const first = request.NextToken ? 20 : 0;
    const Nodes = Array.from({ length: request.NextToken ? 3 : 20 }, (_unused, index) => node(first + index));
    return new Response(JSON.stringify({ Nodes, Total: 23, ...(request.NextToken ? {} : { NextToken: "second" }) }));
  });
});

afterEach(() => vi.unstubAllGlobals());

function open(address: string) {
  const router = createMemoryRouter([{ path: "/nodes", element: <NodesPage /> }], { initialEntries: [address] });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return router;
}

it("asks for what the address says, pages by cursor and keeps the choice", async () => {
  open("/nodes?filter=tag%3AEnv%3Dprod&sort=-status");
  await screen.findByText("web-0");
  expect(asked[0]).toEqual({
    MaxResults: 20,
    Filter: { Join: "and", Terms: [{ Key: "tag:Env", Op: "eq", Value: "prod" }] },
    Sort: { Key: "status", Descending: true },
  });
  const table = createWrapper(document.body).findTable();
  act(() => table?.findRowSelectionArea(1)?.click());
  expect(screen.getByText("1 node chosen.")).toBeTruthy();
  act(() => table?.findPagination()?.findNextPageButton().click());
  await screen.findByText("web-22");
  expect(asked.at(-1)?.NextToken).toBe("second");
  expect(screen.getByText("1 node chosen.")).toBeTruthy();
});

it("writes a new filter to the address", async () => {
  const router = open("/nodes");
  await screen.findByText("web-0");
  const filter = createWrapper(document.body).findPropertyFilter();
  act(() => filter?.findNativeInput().focus());
  act(() => filter?.setInputValue("web"));
  act(() => filter?.findNativeInput().keydown({ key: "Enter", keyCode: 13 }));
  await waitFor(() => expect(router.state.location.search).toBe("?filter=web"));
});
