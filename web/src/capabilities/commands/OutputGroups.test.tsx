import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { afterEach, expect, it, vi } from "vitest";
import { OutputGroups } from "./OutputGroups";

afterEach(() => vi.unstubAllGlobals());

const step = (Name: string, Stdout: string) => ({ Name, StatusDetails: "Success", Stdout, Stderr: "", Message: "", Truncated: false });

function group(hash: string, Count: number, ...outputs: string[]): object {
  const Steps = outputs.map((output, at) => step(`step-${at}`, output));
  return { OutputHash: hash, StatusDetails: "Success", ExitCode: 0, Count, NodeIds: [`mi-${hash}`], Stdout: outputs.join(""), Stderr: "", Steps, Truncated: false };
}

function show(groups: readonly object[], total: { GroupCount: number; NodeCount: number }): void {
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    const isGroups = new Headers(init.headers).get("x-amz-target") === "Roadstead.GroupOutputs";
    return Response.json(isGroups ? { Groups: groups, ...total } : { Nodes: [] });
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter>
        <OutputGroups commandId="c" />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

it("says of each group but the largest what differs, in words", async () => {
  show([group("a", 5, "one\ntwo\n"), group("b", 1, "one\nthree\n")], { GroupCount: 2, NodeCount: 6 });
  await screen.findByText("5 alike, 1 differs");
  const [opener, ...others] = screen.getAllByRole("button", { name: "Show what differs" });
  expect(others).toEqual([]);
  act(() => opener?.click());
  const difference = await screen.findByRole("region", { name: "What differs in: Standard output" });
  expect([...difference.children].map((line) => line.textContent)).toEqual(["  one", "Removed: - two", "Added: + three", "  "]);
  expect(screen.queryByText(/different outputs/)).toBeNull();
});

it("says that equal outputs ended differently", async () => {
  show([group("a", 2, "same"), group("b", 1, "same")], { GroupCount: 2, NodeCount: 3 });
  const opener = await screen.findByRole("button", { name: "Show what differs" });
  act(() => opener.click());
  expect(await screen.findByText("The outputs are alike; how a step ended differs.")).toBeTruthy();
});

it("tells of groups that are not shown, and counts their nodes", async () => {
  show([group("a", 5, "one"), group("b", 1, "two")], { GroupCount: 300, NodeCount: 304 });
  expect(await screen.findByText("There are 300 different outputs; the 2 that most nodes have are shown here.")).toBeTruthy();
  expect(screen.getByText("5 alike, 299 differ")).toBeTruthy();
});

it("shows and compares each step by itself", async () => {
  show([group("a", 2, "same", "here"), group("b", 1, "same", "there")], { GroupCount: 2, NodeCount: 3 });
  expect((await screen.findAllByRole("region", { name: "2. step-1, Standard output" })).map(({ textContent }) => textContent)).toEqual(["here", "there"]);
  act(() => screen.getByRole("button", { name: "Show what differs" }).click());
  await screen.findByRole("region", { name: "What differs in: 2. step-1, Standard output" });
  expect(screen.queryByRole("region", { name: /What differs in: 1/ })).toBeNull();
});
