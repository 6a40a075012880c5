import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { asUser, choose, expect, expectAccessible, test } from "../fixtures";

const PASSWORD_OF_BEA = "a long password for two";

test.afterEach(({ hub }) => {
  hub.cli("limits", "clear", "--user", "admin");
  hub.cli("freeze", "off");
});

/** Goes through the wizard to its last step, with both nodes. */
async function prepare(page: Page, script: string): Promise<void> {
  await page.goto("/commands/new?filter=id%5Emi-");
  await expect(page.getByText("2 nodes").first()).toBeVisible();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Script").fill(script);
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("2 nodes").first()).toBeVisible();
}

test("limits are set, found by tokens, changed and taken away", async ({ page, hub }) => {
  await page.goto("/limits");
  await page.getByRole("button", { name: "Set limits" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "A role" }).click();
  await dialog.getByRole("button", { name: "Role", exact: true }).click();
  await page.getByRole("option", { name: "patcher" }).click();
  await dialog.getByRole("button", { name: "Set limits" }).click();
  await expect(dialog.getByText("At least one limit is needed").first()).toBeVisible();
  await dialog.getByLabel("Nodes at most").fill("many");
  await expect(dialog.getByText("A whole number, or empty").first()).toBeVisible();
  await dialog.getByLabel("Nodes at most").fill("7");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Set limits" }).click();
  await expect(page.getByRole("row", { name: /role patcher/ })).toContainText("7");
  await expect(dialog).toBeHidden();

  hub.cli("limits", "set", "--user", "admin", "--approve-above", "500");
  const filter = page.getByRole("combobox", { name: "Filter this list" });
  await filter.fill("holder=user");
  await filter.press("Enter");
  await expect(page).toHaveURL(/filter=holder%3Duser/);
  await expect(page.getByRole("row", { name: /user admin/ })).toContainText("500");
  await expect(page.getByRole("row", { name: /role patcher/ })).toBeHidden();
  await expectAccessible(page);
  await page.goto("/limits?filter=holder_name%3Dnobody");
  await expect(page.getByText("Nothing matches").first()).toBeVisible();
  await page.getByRole("button", { name: "Clear the filter" }).first().click();

  await page.getByRole("button", { name: "role patcher" }).click();
  await dialog.getByLabel("Nodes at most").fill("");
  await dialog.getByLabel("Typed above").fill("3");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("row", { name: /role patcher/ })).toContainText("3");
  // The list is there before the dialog has gone, and what lies below it takes no click.
  await expect(dialog).toBeHidden();
  await choose(page.getByRole("radio", { name: "Select role patcher" }));
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("textbox").fill("role patcher");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("The limits of role patcher were taken away")).toBeVisible();
  await expect(page.getByRole("row", { name: /role patcher/ })).toBeHidden();
});

test("above a limit the number of nodes is typed, before a command and before it runs again", async ({ page, hub }) => {
  hub.cli("limits", "set", "--user", "admin", "--confirm-above", "1");
  await prepare(page, "echo counted");
  await page.getByRole("button", { name: "Run on 2 nodes" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: "Run on 2 nodes" })).toBeDisabled();
  await dialog.getByRole("textbox").fill("2");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Run on 2 nodes" }).click();
  await expect(page).toHaveURL(/\/commands\/[0-9a-f-]{36}/);
  await expect(page.getByText("2 of 2 nodes are done")).toBeVisible();
  const first = page.url();

  await page.getByRole("button", { name: "Run again" }).click();
  await page.getByRole("menuitem", { name: "On all its nodes" }).click();
  await dialog.getByLabel("Number of nodes").fill("2");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(first);
  await expect(page.getByText("2 of 2 nodes are done")).toBeVisible();
});

test("a command above the limit is announced as refused before it is sent", async ({ page, hub }) => {
  hub.cli("limits", "set", "--user", "admin", "--max-targets", "1");
  await prepare(page, "true");
  await expect(page.getByText("One command of yours reaches 1 node at most")).toBeVisible();
});

test("a command waits for a second person, who approves it, or it is taken back", async ({ page, hub, browser }) => {
  const password = join(hub.folder, "bea.txt");
  writeFileSync(password, PASSWORD_OF_BEA, { mode: 0o600 });
  hub.cli("user", "create", "bea", "--role", "operator", "--password-file", password);
  hub.cli("limits", "set", "--user", "admin", "--approve-above", "1");
  await prepare(page, "echo approved by two");
  await expect(page.getByText("The command will wait until somebody else approves it")).toBeVisible();
  await page.getByRole("button", { name: "Run on 2 nodes" }).click();
  await expect(page.getByText("This command waits for a second person")).toBeVisible();
  await expect(page.getByRole("button", { name: "Approve" })).toBeDisabled();
  await expectAccessible(page);

  const other = await asUser(browser, hub, "bea", PASSWORD_OF_BEA);
  await expect(other.getByText("1 command waits for an approval")).toBeVisible();
  await other.goto("/approvals?filter=requested_by%3Dadmin");
  await choose(other.getByRole("radio", { name: /^Select/ }));
  await expectAccessible(other);
  await other.getByRole("button", { name: "Approve" }).click();
  await other.getByRole("dialog").getByLabel("Reason").fill("seen by two");
  await expectAccessible(other);
  await other.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await expect(other.getByText("The command was approved and goes out")).toBeVisible();
  await expect(other.getByText("Nothing matches").first()).toBeVisible();
  await other.getByRole("button", { name: "All", exact: true }).click();
  await expect(other.getByRole("row", { name: /seen by two/ })).toContainText("Approved");
  await other.context().close();

  await expect(page.getByText("2 of 2 nodes are done")).toBeVisible();
  await expect(page.getByText("bea: seen by two")).toBeVisible();

  await prepare(page, "echo never");
  await page.getByRole("button", { name: "Run on 2 nodes" }).click();
  await page.getByRole("button", { name: "Take back" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
  await expect(page.getByText("Cancelled").first()).toBeVisible();
  await expect(page.getByText("This command waits for a second person")).toBeHidden();
});

test("the hub is frozen from any page, says so on every page, and goes on", async ({ page, hub }) => {
  await page.goto("/nodes");
  await page.getByRole("button", { name: "Freeze" }).click();
  const dialog = page.getByRole("dialog", { name: "Freeze the hub?" });
  await dialog.getByLabel("Reason").fill("looking into it");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Freeze" }).click();
  await expect(page.getByText("The hub is frozen: nothing is sent to nodes").first()).toBeVisible();
  expect(hub.api("Roadstead.GetFreeze")).toMatchObject({ Frozen: true, By: "admin", Reason: "looking into it" });
  for (const path of ["/", "/commands/new", "/documents"]) {
    await page.goto(path);
    await expect(page.getByText(/by admin · Reason: looking into it/).first()).toBeVisible();
    await expectAccessible(page);
  }
  await page.getByRole("button", { name: "End the freeze" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End the freeze" }).click();
  await expect(page.getByText("The freeze has ended")).toBeVisible();
  await expect(page.getByText("The hub is frozen: nothing is sent to nodes")).toBeHidden();
  expect(hub.api("Roadstead.GetFreeze")).toMatchObject({ Frozen: false });
});
