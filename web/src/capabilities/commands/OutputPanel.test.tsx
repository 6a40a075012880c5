import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, it, vi } from "vitest";
import { OutputPanel } from "./OutputPanel";
import type { Chosen } from "./useChosen";

afterEach(() => vi.unstubAllGlobals());

const step = (Name: string, StatusDetails: string) => ({ Name, StatusDetails }) as Chosen["steps"][number];
const chosen: Chosen = {
  nodeId: "mi-1",
  name: "harbour",
  status: "Failed",
  bytes: { stdout: 7, stderr: 0 },
  steps: [step("prepare", "Success"), step("serve", "Failed")],
  stepsError: undefined,
};

function Panel({ first, ...part }: Partial<Chosen> & { first: number }) {
  const [shown, setShown] = useState(first);
  return (
    <QueryClientProvider client={new QueryClient()}>
      <OutputPanel commandId="c" isUploaded={false} chosen={{ ...chosen, ...part }} step={shown} stream="stdout" onStep={setShown} onStream={() => {}} />
    </QueryClientProvider>
  );
}

function answer(): void {
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    const { Step } = JSON.parse(String(init.body)) as { Step: number };
    return Response.json({ Text: `output of step ${Step}`, NextOffset: 16, StoredBytes: 16, Complete: true, Source: "stored" });
  });
}

it("shows the step that is chosen by its name and how it ended", async () => {
  answer();
  render(<Panel first={0} />);
  await screen.findByText("output of step 0");
  act(() => screen.getByRole("button", { name: "2. serve: Failed" }).click());
  await screen.findByText("output of step 1");
});

it("offers no choice where there is one step, and shows the first for one that there is not", async () => {
  answer();
  render(<Panel first={4} steps={chosen.steps.slice(0, 1)} />);
  await screen.findByText("output of step 0");
  expect(screen.queryByRole("button", { name: /prepare/ })).toBeNull();
  expect(screen.getByRole("tab", { name: "Standard output (7 B)" })).toBeTruthy();
});

it("says while the node is at it how far it has come", async () => {
  answer();
  render(<Panel first={0} status="InProgress" steps={[step("prepare", "Success"), step("serve", "InProgress")]} />);
  expect(await screen.findByRole("button", { name: "1. prepare: Success" })).toBeTruthy();
  expect(screen.getByRole("button", { name: "2. serve: Running" })).toBeTruthy();
});
