import { choose, expect, expectAccessible, test } from "../fixtures";

test("what was done stands in the log, filtered by tokens that are in the address", async ({ page, hub }) => {
  hub.api("AmazonSSM.CreateActivation", { IamRole: "r", Description: "for the log" });
  await page.goto("/audit");
  await expect(page.getByRole("heading", { level: 1, name: "Audit log" })).toBeVisible();
  await expect(page.getByText("CreateActivation").first()).toBeVisible();
  await page.goto(`/audit?filter=${encodeURIComponent("operation=CreateActivation user=admin")}`);
  await expect(page.getByRole("row", { name: /CreateActivation/ }).first()).toBeVisible();
  await expect(page.getByText("Login", { exact: true })).toHaveCount(0);
  await expectAccessible(page);
});

test("a row shows all of itself below, and the address knows which", async ({ page, hub }) => {
  hub.api("AmazonSSM.CreateActivation", { IamRole: "r" });
  await page.goto("/audit?filter=operation%3DCreateActivation");
  await choose(page.getByRole("radio").first());
  await expect(page.getByText("Hash of the row")).toBeVisible();
  await expect(page).toHaveURL(/row=\d+/);
  await page.reload();
  await expect(page.getByText("Hash of the row")).toBeVisible();
});

test("the log is verified at the press of a button", async ({ page }) => {
  await page.goto("/audit");
  await page.getByRole("button", { name: "Verify" }).click();
  await expect(page.getByText("The log is what was written")).toBeVisible();
});

test("shipping to a file is set and its delivery shown", async ({ page }) => {
  await page.goto("/audit/shipping");
  await choose(page.getByRole("checkbox", { name: "File: On" }));
  await page.getByLabel("File name").fill("e2e.jsonl");
  await choose(page.getByRole("radio", { name: "Every row" }));
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Audit shipping was saved")).toBeVisible();
  await expect(page.getByText("Last delivery")).toBeVisible();
  await expectAccessible(page);
});

test("who answers for what is a table", async ({ page }) => {
  await page.goto("/responsibilities");
  await expect(page.getByRole("heading", { level: 1, name: "Who answers for what" })).toBeVisible();
  await expect(page.getByText("Backup and recovery")).toBeVisible();
  await expectAccessible(page);
});
