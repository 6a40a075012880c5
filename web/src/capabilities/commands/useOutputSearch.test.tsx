import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { useOutputSearch } from "./useOutputSearch";

afterEach(() => vi.unstubAllGlobals());

const wanted = { text: "full", isRegex: false, ignoresCase: false, stream: undefined, isWithout: false };

function Found({ text }: { text: string }) {
  const { nodes, totals, isSearching, error } = useOutputSearch("c", { ...wanted, text }, [], 0);
  return (
    <p>
      {isSearching ? "searching" : "done"} {nodes.map(({ Name }) => Name).join(" ")} of {totals?.NodesSearched} {error instanceof Error && error.message}
    </p>
  );
}

/** Answers one page after another; asking further than there are pages fails. */
function answer(pages: readonly object[]): unknown[] {
  const tokens: unknown[] = [];
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    tokens.push((JSON.parse(String(init.body)) as { NextToken?: string }).NextToken);
    const page = pages[tokens.length - 1];
    return page ? Response.json({ NodesMatched: 1, NodesOpen: 0, Whole: false, ...page }) : Response.json({ __type: "InvalidNextToken", message: "gone" }, { status: 400 });
  });
  return tokens;
}

function show(text: string): void {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <Found text={text} />
    </QueryClientProvider>,
  );
}

it("searches on where nothing was found so far, and stops at the first node", async () => {
  const tokens = answer([{ Nodes: [], NodesSearched: 5, NextToken: "t1" }, { Nodes: [], NodesSearched: 10, NextToken: "t2" }, { Nodes: [{ Name: "harbour" }], NodesSearched: 15, NextToken: "t3" }]);
  show("full");
  await screen.findByText(/done harbour of 15/);
  expect(tokens).toEqual([undefined, "t1", "t2"]);
});

it("does not ask for ever when it fails on the way", async () => {
  const tokens = answer([{ Nodes: [], NodesSearched: 5, NextToken: "t1" }]);
  show("full");
  await screen.findByText(/done.*of 5 gone/);
  expect(tokens).toEqual([undefined, "t1"]);
});

it("asks nothing without a text", async () => {
  const tokens = answer([]);
  show("");
  await screen.findByText(/done/);
  expect(tokens).toEqual([]);
});
