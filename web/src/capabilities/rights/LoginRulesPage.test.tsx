import createWrapper from "@cloudscape-design/components/test-utils/dom";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import { RouterProvider, createMemoryRouter } from "react-router";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { CallerContext } from "@/platform/caller";
import type { Caller, LoginRule } from "@/platform/types";
import LoginRulesPage from "./LoginRulesPage";
import { noDemands } from "./loginRules";

let rules: LoginRule[] = [];

beforeEach(() => {
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    const target = new Headers(init.headers).get("X-Amz-Target");
    return new Response(JSON.stringify(target === "Roadstead.ListLoginRules" ? { LoginRules: rules } : { Verdict: { Allowed: false } }));
  });
});

afterEach(() => vi.unstubAllGlobals());

function open(roles: string[]) {
  const router = createMemoryRouter([{ path: "*", element: <LoginRulesPage /> }], { initialEntries: ["/login-rules"] });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <CallerContext value={{ UserName: "ann", Roles: roles, Narrowed: false } as unknown as Caller}>
        <RouterProvider router={router} />
      </CallerContext>
    </QueryClientProvider>,
  );
}

const setButton = () => screen.getByRole("button", { name: "Set a rule" });

it("shows what each role's rule demands, and none that demands nothing", async () => {
  rules = [{ ...noDemands("*"), StepUpForShell: true }, noDemands("auditor"), { ...noDemands("admin"), RequireSecondFactor: true, RequireRecoveryCodes: true }];
  open(["admin"]);
  await screen.findByRole("button", { name: "every role" });
  const table = createWrapper(document.body).findTable();
  const rows = table?.findRows().map((row) => [...row.getElement().querySelectorAll("th, td")].slice(1).map((cell) => cell.textContent));
  expect(rows).toEqual([
    ["every role", "–", "–", "Demanded", "–"],
    ["admin", "Demanded", "Demanded", "–", "–"],
  ]);
  expect(setButton().getAttribute("aria-disabled")).toBeNull();
});

it("says that there are none, and offers no more than the caller may", async () => {
  rules = [];
  open(["auditor"]);
  await screen.findByText("No rules are set");
  await waitFor(() => expect(setButton().getAttribute("aria-disabled")).toBe("true"));
});
