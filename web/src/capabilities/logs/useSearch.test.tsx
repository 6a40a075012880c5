import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { useSearch } from "./useSearch";

afterEach(() => vi.unstubAllGlobals());

const search = { group: "g", pattern: "ERROR", prefix: "" };

function Found() {
  const { data, hasNextPage, fetchNextPage } = useSearch(search, {});
  const words = data?.pages.flatMap(({ events }) => events.map(({ message }) => message)).join(" ");
  return (
    <button disabled={!hasNextPage} onClick={() => void fetchNextPage()}>
      {words}
    </button>
  );
}

it("reads on from where it stood, and asks anew when the same is searched again", async () => {
  let asked = 0;
  const tokens: unknown[] = [];
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    tokens.push((JSON.parse(String(init.body)) as { nextToken?: string }).nextToken);
    asked += 1;
    const events = Array.from({ length: 200 }, (__, at) => ({ eventId: `${asked}/${at}`, message: at === 0 ? `answer-${asked}` : "", logStreamName: "c/n/s/stdout", timestamp: 1, ingestionTime: 1 }));
    return new Response(JSON.stringify({ events, nextToken: `t${asked}` }));
  });
  const client = new QueryClient();
  const page = (round: number) => (
    <QueryClientProvider client={client}>
      <Found key={round} />
    </QueryClientProvider>
  );
  const { rerender } = render(page(1));
  await screen.findByText(/answer-1/);
  act(() => screen.getByRole("button").click());
  await screen.findByText(/answer-1\s+answer-2/);
  rerender(page(2));
  await screen.findByText(/answer-3/);
  expect(screen.queryByText(/answer-1/)).toBeNull();
  expect(tokens).toEqual([undefined, "t1", undefined]);
});
