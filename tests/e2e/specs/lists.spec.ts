import { choose, clear, expect, expectAccessible, test } from "../fixtures";
import type { Hub } from "../hub";

interface Found {
  Nodes: { NodeId: string; Name: string; Tags: { Key: string; Value: string }[] }[];
}

const nodesOf = (hub: Hub) => hub.api<Found>("Roadstead.SearchNodes").Nodes;
const tagsOf = (hub: Hub, name: string) =>
  Object.fromEntries((nodesOf(hub).find(({ Name }) => Name === name)?.Tags ?? []).map(({ Key, Value }) => [Key, Value]));

test("the keys walk through a list, choose and open", async ({ page }) => {
  await page.goto("/nodes");
  await expect(page.getByRole("link", { name: "lighthouse" })).toBeVisible();
  await page.keyboard.press("j");
  await expect(page.getByRole("link", { name: "harbour" })).toBeFocused();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await expect(page.getByRole("checkbox", { name: "Select lighthouse" })).toBeChecked();
  await page.keyboard.press("k");
  await expect(page.getByRole("link", { name: "harbour" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "harbour" })).toBeVisible();

  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(help.getByText("Next row of the list")).toBeVisible();
  await clear(help.getByRole("switch", { name: "Single keys" }).or(help.getByRole("checkbox", { name: "Single keys" })));
  await page.keyboard.press("Escape");
  await page.goto("/nodes");
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
  await page.keyboard.press("j");
  await expect(page.getByRole("link", { name: "harbour" })).not.toBeFocused();
});

test("columns and page size of a list are chosen and kept", async ({ page }) => {
  await page.goto("/nodes");
  await expect(page.getByRole("columnheader", { name: "Platform" })).toBeVisible();
  await page.getByRole("button", { name: "Table settings" }).click();
  const dialog = page.getByRole("dialog", { name: "Table settings" });
  await expectAccessible(page);
  await choose(dialog.getByRole("radio", { name: "50 rows" }));
  await clear(dialog.getByRole("checkbox", { name: "Platform" }).or(dialog.getByRole("switch", { name: "Platform" })));
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("columnheader", { name: "Platform" })).toBeHidden();
  await page.reload();
  await expect(page.getByRole("columnheader", { name: "Status" })).toBeVisible();
  await expect(page.getByRole("columnheader", { name: "Platform" })).toBeHidden();
  await page.goto("/commands");
  await page.getByRole("button", { name: "Table settings" }).click();
  await expect(page.getByRole("dialog", { name: "Table settings" }).getByRole("radio", { name: "20 rows" })).toBeChecked();
});

test("a list of commands shows none for a filter that says nothing of them, and lets it be mended", async ({ page, hub }) => {
  const comment = "listed whatever the filter";
  hub.api("AmazonSSM.SendCommand", { DocumentName: "AWS-RunShellScript", InstanceIds: nodesOf(hub).map(({ NodeId }) => NodeId), Comment: comment, Parameters: { commands: ["true"] } });
  await page.goto("/commands?filter=bogus%3D1");
  await expect(page.getByText(/`bogus=1`: commands are searched by/)).toBeVisible();
  await expect(page.getByRole("link", { name: comment })).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole("button", { name: /^Remove filter, bogus/ }).click();
  await expect(page.getByRole("link", { name: comment })).toBeVisible();
});

test("many nodes are tagged at once, with a preview, and the change is taken back", async ({ page, hub }) => {
  hub.cli("node", "tag", "harbour", "berth=1");
  await page.goto("/nodes");
  await choose(page.getByRole("checkbox", { name: "Select harbour" }));
  await page.getByRole("button", { name: "Choose all 2 that match" }).click();
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Edit tags of 2 nodes" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Key" }).fill("berth");
  await dialog.getByRole("combobox", { name: "Value" }).fill("7");
  await expect(dialog.getByText("2 nodes would change")).toBeVisible();
  await expect(dialog.getByText("new on 1 · other value on 1 · was 1 (1)")).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Change 2 nodes" }).click();
  await expect(dialog.getByText("2 nodes were changed")).toBeVisible();
  expect(tagsOf(hub, "harbour")).toMatchObject({ berth: "7" });
  expect(tagsOf(hub, "lighthouse")).toMatchObject({ berth: "7" });
  await dialog.getByRole("button", { name: "Done" }).click();

  // Somebody else changes one of them: that stays.
  hub.cli("node", "tag", "lighthouse", "berth=8");
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Undo the last tagging (2 nodes)" }).click();
  await expect(dialog.getByText("1 node gets the tags it had.")).toBeVisible();
  await dialog.getByRole("button", { name: "Undo on 1 node" }).click();
  await expect(dialog.getByText("1 node was changed")).toBeVisible();
  expect(tagsOf(hub, "harbour")).toMatchObject({ berth: "1" });
  expect(tagsOf(hub, "lighthouse")).toMatchObject({ berth: "8" });
});

test("a tag that the hub refuses is told once, and nothing is changed", async ({ browser, hub, login }) => {
  // Its own page: the browser's console tells of a refusal, as it should.
  const context = await browser.newContext({ storageState: login, baseURL: hub.url, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto("/nodes");
  await choose(page.getByRole("checkbox", { name: "Select harbour" }));
  await choose(page.getByRole("checkbox", { name: "Select lighthouse" }));
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Edit tags of 2 nodes" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Key" }).fill("aws:reserved");
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Change 2 nodes" }).click();
  await expect(dialog.getByText("No node was changed")).toBeVisible();
  await expect(dialog.getByText(/must not begin with `aws:`/)).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Try 2 nodes again" })).toBeVisible();
  expect(Object.keys(tagsOf(hub, "lighthouse"))).not.toContain("aws:reserved");
  await context.close();
});
