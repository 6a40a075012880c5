import { choose, expect, test } from "../fixtures";
import { until } from "../hub";

test("a join that needs approval is let in from its page", async ({ page, hub }) => {
  await page.goto("/join");
  await page.getByLabel("Name").fill("patient");
  await choose(page.getByRole("checkbox", { name: "Each join waits for approval" }));
  await page.getByRole("button", { name: "Make the line" }).click();
  const line = page.getByText(/rs1_[A-Za-z0-9_-]+/).first();
  await expect(line).toBeVisible();
  const token = /rs1_[A-Za-z0-9_-]+/.exec((await line.textContent()) ?? "")?.[0] ?? "";
  const agent = hub.launch("patient", token);
  const asked = () => hub.api<{ JoinRequests: unknown[] }>("Roadstead.ListJoinRequests", { State: "Pending" }).JoinRequests;
  await until("the request to join", () => asked().length === 1);
  await page.goto("/join-requests");
  const row = page.getByRole("row").filter({ hasText: "Waiting" });
  await expect(row).toBeVisible();
  await choose(row.getByRole("checkbox"));
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("Nobody waits")).toBeVisible({ timeout: 30_000 });
  const node = await agent.node();
  await page.goto(`/nodes/${node}`);
  await expect(page.getByRole("heading", { level: 1, name: "patient" })).toBeVisible();
  hub.cli("node", "remove", node, "--yes");
});

test("a locked node says so on its page", async ({ page, hub }) => {
  const agent = await hub.join("fortress");
  const node = await agent.node();
  agent.lock("no-shell: true\n");
  await page.goto(`/nodes/${node}`);
  await expect(page.getByText("Locked by its owner")).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("listitem").filter({ hasText: "No shells and no scripts" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Open a shell" })).toBeDisabled();
  hub.cli("node", "remove", node, "--yes");
});
