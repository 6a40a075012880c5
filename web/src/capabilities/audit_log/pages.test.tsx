import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { RouterProvider, createMemoryRouter } from "react-router";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import AuditPage from "./AuditPage";
import ResponsibilitiesPage from "./ResponsibilitiesPage";
import ShippingPage from "./ShippingPage";

class SilentSocket extends EventTarget {
  static readonly OPEN = 1;
  readonly readyState = 0;
  send(): void {}
  close(): void {}
}

const event = {
  Seq: 7, At: 1_790_000_000, RequestId: "r7", Caller: "user:ann/key:AKIA1", UserName: "ann", Address: "192.0.2.1", Operation: "ssm:SendCommand",
  Target: "node/*", CommandId: "", Outcome: "done", Repeats: 1, Detail: "", NodeIds: [], Hash: "ab".repeat(32),
};
const finding = { Seq: 3, Problem: "Changed", Expected: "aa", Found: "bb", Source: "chain" };
const answers: Record<string, object> = {
  "Roadstead.ListAuditEvents": { Events: [event] },
  "Roadstead.VerifyAudit": { Healthy: false, Rows: 7, FirstSeq: 1, LastSeq: 7, LastHash: "", Heads: 1, FindingCount: 1, Findings: [finding] },
  "Roadstead.GetAuditShipping": {
    Settings: { AllowedNetworks: ["10.0.0.0/8"], File: { Name: "log.jsonl", Ship: "rows" } },
    WebhookHasSecret: false,
    Deliveries: [{ Sink: "file", DeliveredSeq: 7, Pending: 0, DeliveredAt: 1_790_000_000, Failures: 2, LastError: "the disk is full" }],
  },
  "Roadstead.GetAuditRetention": { Folder: "audit/segments", Segments: [] },
  "Roadstead.DescribeResponsibilities": {
    Responsibilities: [{ Area: "backup", Title: "Backup and recovery", Roadstead: "keeps", Operator: "copies", NodeOwner: "" }],
  },
};

beforeEach(() => {
  vi.stubGlobal("WebSocket", SilentSocket);
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) =>
    new Response(JSON.stringify(answers[new Headers(init.headers).get("X-Amz-Target") ?? ""] ?? {})),
  );
});

afterEach(() => vi.unstubAllGlobals());

function open(path: string, element: ReactNode) {
  const router = createMemoryRouter([{ path: "*", element }], { initialEntries: [path] });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return router;
}

it("shows rows, and what a check has found", async () => {
  open("/audit", <AuditPage />);
  await screen.findByText("SendCommand");
  act(() => screen.getByRole("button", { name: "Verify" }).click());
  await screen.findByText("The log is broken: 1 finding");
  expect(screen.getByText(/Row 3: it, or the row before it, was changed/)).toBeTruthy();
});

it("shows where the log is shipped to and what is in the way", async () => {
  open("/audit/shipping", <ShippingPage />);
  await screen.findByDisplayValue("log.jsonl");
  expect(screen.getByText(/the disk is full/)).toBeTruthy();
  expect(screen.getByDisplayValue("10.0.0.0/8")).toBeTruthy();
});

it("shows who answers for what", async () => {
  open("/responsibilities", <ResponsibilitiesPage />);
  await screen.findByText("Backup and recovery");
});
