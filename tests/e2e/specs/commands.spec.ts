import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, expectAccessible, test } from "../fixtures";

/** Goes through the wizard to the last step. */
async function prepare(page: Page, nodes: string[], script: string): Promise<void> {
  await page.goto("/commands/new");
  await page.getByRole("button", { name: /Find nodes by name/ }).or(page.getByRole("combobox", { name: /Find nodes by name/ })).first().click();
  for (const name of nodes) await page.getByRole("option", { name: new RegExp(name) }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByText(nodes.length === 1 ? "1 node" : `${nodes.length} nodes`).first()).toBeVisible();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Script").fill(script);
  await page.getByRole("button", { name: "Next" }).click();
}

test("a command is prepared with a preview, runs, and shows its output live", async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), "roadstead-e2e-gate-"));
  try {
    await prepare(page, ["harbour"], `echo early-line; while [ -d ${folder} ] && [ ! -e ${folder}/gate ]; do sleep 0.1; done; echo 最後の行`);
    await expectAccessible(page);
    await page.getByRole("button", { name: "Run on 1 node" }).click();
    await expect(page).toHaveURL(/\/commands\/[0-9a-f-]{36}/);
    await expect(page.getByRole("log")).toContainText("early-line");
    await expectAccessible(page);
    expect(existsSync(`${folder}/gate`)).toBe(false);
    writeFileSync(`${folder}/gate`, "");
    await expect(page.getByText("最後の行").first()).toBeVisible();
    await expect(page.getByText("Success").first()).toBeVisible();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("equal outputs are folded and a failure is run again where it failed", async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), "roadstead-e2e-once-"));
  try {
    await prepare(page, ["harbour", "lighthouse"], `echo alike; mkdir ${folder}/only-one 2>/dev/null`);
    await page.getByRole("button", { name: "Run on 2 nodes" }).click();
    await expect(page.getByText("Failed").first()).toBeVisible();
    await page.getByRole("tab", { name: "Outputs compared" }).click();
    await expect(page.getByText("alike").first()).toBeVisible();
    await page.getByRole("button", { name: "Run again" }).click();
    await page.getByRole("menuitem", { name: "On the nodes where it failed (1)" }).click();
    await expect(page.getByText("Failed").first()).toBeVisible();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a running command is stopped", async ({ page }) => {
  await prepare(page, ["harbour"], "echo waiting; sleep 600");
  await page.getByRole("button", { name: "Run on 1 node" }).click();
  await expect(page.getByRole("log")).toContainText("waiting");
  await page.getByRole("button", { name: "Stop the command" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop the command" }).click();
  await expect(page.getByText("Cancelled").first()).toBeVisible();
});

test("hostile output stays text", async ({ page }) => {
  await prepare(page, ["harbour"], `echo '<img src=x onerror="document.title=1"><script>document.title=2</script>'`);
  await page.getByRole("button", { name: "Run on 1 node" }).click();
  await expect(page.getByText('<img src=x onerror="document.title=1">').first()).toBeVisible();
  expect(await page.title()).not.toMatch(/^[12]$/);
});

test("the list of commands leads to each of them", async ({ page, hub }) => {
  hub.cli("run", "--node", "harbour", "--comment", "listed here", "--", "true");
  await page.goto("/commands");
  await page.getByRole("link", { name: /listed here|true/ }).first().click();
  await expect(page.getByText("Success").first()).toBeVisible();
});

test("a command's pace and processes are chosen, checked and shown", async ({ page }) => {
  await page.goto("/commands/new");
  await page.getByRole("button", { name: /Find nodes by name/ }).or(page.getByRole("combobox", { name: /Find nodes by name/ })).first().click();
  for (const name of ["harbour", "lighthouse"]) await page.getByRole("option", { name: new RegExp(name) }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Pace/ }).click();
  await page.getByLabel("At the same time").fill("200%");
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("A whole number from 1, or a percentage up to 100%", { exact: true })).toBeVisible();
  await page.getByLabel("At the same time").fill("1");
  await page.getByLabel("First on").fill("1");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Script").fill('echo "$GREETING"');
  await page.getByRole("button", { name: "User, variables and ceilings" }).click();
  await page.getByRole("textbox", { name: "Variables" }).fill("GREETING=ahoy there");
  await page.getByLabel("Niceness").fill("5");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("GREETING=ahoy there")).toBeVisible();
  await page.getByRole("button", { name: "Run on 2 nodes" }).click();
  await expect(page.getByText("1 at a time, 0 failures borne · first on 1")).toBeVisible();
  await expect(page.getByText("Success").first()).toBeVisible();
  await expect(page.getByText("GREETING=ahoy there")).toBeVisible();
  await page.getByRole("tab", { name: "Outputs compared" }).click();
  await expect(page.getByText(/^ahoy there/).first()).toBeVisible();
});
