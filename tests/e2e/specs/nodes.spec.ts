import { choose, expect, test } from "../fixtures";
import { Agent, until } from "../hub";

test("a join line brings a real node in, live", async ({ page, hub }) => {
  await page.goto("/join");
  await page.getByLabel("Name").fill("newcomer");
  await page.getByRole("button", { name: "Make the line" }).click();
  const line = page.getByText(/rs1_[A-Za-z0-9_-]+/).first();
  await expect(line).toBeVisible();
  await expect(page.getByText("Waiting for the first node")).toBeVisible();
  const token = /rs1_[A-Za-z0-9_-]+/.exec((await line.textContent()) ?? "")?.[0] ?? "";
  const agent = await hub.join("newcomer", token);
  await expect(page.getByText("newcomer has joined")).toBeVisible();
  await page.getByRole("link", { name: "Open: newcomer" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "newcomer" })).toBeVisible();
  hub.cli("node", "remove", await agent.node(), "--yes");
});

test("the list is filtered by tokens, and the filter is in the address", async ({ page }) => {
  await page.goto("/nodes");
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
  await expect(page.getByRole("link", { name: "lighthouse" })).toBeVisible();
  const filter = page.getByRole("combobox", { name: /filter|find/i });
  await filter.fill("light");
  await filter.press("Enter");
  await expect(page.getByRole("link", { name: "harbour" })).toBeHidden();
  await expect(page.getByRole("link", { name: "lighthouse" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("link", { name: "lighthouse" })).toBeVisible();
  await expect(page.getByRole("link", { name: "harbour" })).toBeHidden();
});

test("a filter in the address that says nothing of nodes is shown, so that it can be mended", async ({ context }) => {
  // A page of its own: the browser itself notes a refused request as an error.
  const page = await context.newPage();
  await page.goto("/nodes?filter=bogus%3D1");
  await expect(page.getByText(/`bogus`/)).toBeVisible();
  await page.getByRole("button", { name: /^Remove filter, bogus/ }).click();
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
});

test("a node's page shows what it is, and lets its tags be changed", async ({ page, hub }) => {
  await page.goto("/nodes");
  await page.getByRole("link", { name: "harbour" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "harbour" })).toBeVisible();
  await expect(page.getByText("Kernel")).toBeVisible();
  await page.goto("/nodes");
  await choose(page.getByRole("checkbox", { name: "Select harbour" }));
  await expect(page.getByText("1 node chosen.")).toBeVisible();
  const node = hub.api<{ Nodes: { NodeId: string; Name: string }[] }>("Roadstead.SearchNodes").Nodes.find(({ Name }) => Name === "harbour");
  hub.cli("node", "tag", node?.NodeId ?? "", "ship=ketch");
  await expect(page.getByText("ship").first()).toBeVisible();
});

test("an offline node says why and since when", async ({ page, hub }) => {
  const agent: Agent = await hub.join("sleeper");
  const node = await agent.node();
  await page.goto(`/nodes/${node}`);
  await expect(page.getByRole("heading", { level: 1, name: "sleeper" })).toBeVisible();
  await agent.stop();
  await expect(page.getByText("Offline: the agent was stopped")).toBeVisible();
  await expect(page.getByRole("button", { name: "Open a shell" })).toBeDisabled();
  agent.start();
  await expect(page.getByText("Offline: the agent was stopped")).toBeHidden();
  await until("online again", () => hub.api<{ Status: string }>("Roadstead.DescribeNode", { NodeId: node }).Status === "Online");
  hub.cli("node", "remove", node, "--yes");
});

test("removing a node asks for its name and takes it off the list", async ({ page, hub }) => {
  const agent = await hub.join("doomed");
  await page.goto(`/nodes/${await agent.node()}`);
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove the node?" });
  const confirm = dialog.getByRole("button", { name: "Remove" });
  await dialog.getByRole("textbox").fill("doomed");
  await confirm.click();
  await expect(page.getByText("1 node was removed").or(page.getByText("The node was removed")).first()).toBeVisible();
  await page.goto("/nodes");
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
  await expect(page.getByRole("link", { name: "doomed" })).toBeHidden();
});
