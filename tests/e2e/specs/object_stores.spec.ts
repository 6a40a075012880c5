import { choose, expect, expectAccessible, test } from "../fixtures";
import { until } from "../hub";

test("an object store is added, tried, named by a command and deleted", async ({ page, hub }) => {
  await page.goto("/object-stores");
  await page.getByRole("button", { name: "Add an object store" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill("attic");
  await dialog.getByLabel("Endpoint").fill("https://localhost:9");
  await dialog.getByLabel("Access key ID").fill("AKIAATTIC");
  await dialog.getByLabel("Secret access key").fill("nobody knows");
  await dialog.getByLabel("Buckets for output").fill("logs, runs-*");
  await dialog.getByLabel("Readable for nodes").fill("tools/prod");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Add an object store" }).click();
  await choose(page.getByRole("radio", { name: /attic/ }));
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByText(/allow its network/).first()).toBeVisible();

  await page.getByRole("button", { name: "Edit" }).click();
  await expect(dialog.getByLabel("Buckets for output")).toHaveValue("logs, runs-*");
  await expect(dialog.getByLabel("Readable for nodes")).toHaveValue("tools/prod");
  await expect(dialog.getByLabel("Secret access key")).toHaveValue("");
  await dialog.getByLabel("Region").fill("attic-1");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("cell", { name: "attic-1" })).toBeVisible();

  hub.cli("run", "--node", "harbour", "--output-s3", "logs/tests", "--", "echo up");
  await until("the upload being given up", () => hub.api<{ Uploads: { State: string }[] }>("Roadstead.ListOutputUploads").Uploads[0]?.State === "Failed");
  await page.reload();
  await expect(page.getByText("Given up").first()).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("row").filter({ hasText: "Given up" }).first().getByRole("link").first().click();
  await expect(page.getByText(/Upload logs\/tests\//)).toBeVisible();
  await expect(page.getByText(/allow its network/).first()).toBeVisible();
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByText("It is tried again")).toBeVisible();
  await expectAccessible(page);

  await page.goto("/object-stores");
  await choose(page.getByRole("radio", { name: /attic/ }));
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("attic");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No object stores yet")).toBeVisible();
});
