import { expect, expectAccessible, test } from "../fixtures";

test("a parameter is created, shown, given a next version, compared, labelled and deleted", async ({ page }) => {
  await page.goto("/parameters/new");
  await page.getByLabel("Name").fill("/e2e/site/host");
  await page.getByRole("textbox", { name: "Value" }).fill("one.example");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "/e2e/site/host" })).toBeVisible();
  await expect(page.getByRole("region", { name: "the value" })).toHaveText("one.example");
  await page.getByRole("link", { name: "New version" }).click();
  await expect(page.getByRole("textbox", { name: "Value" })).toHaveValue("one.example");
  await page.getByRole("textbox", { name: "Value" }).fill("two.example");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "the value" })).toHaveText("two.example");
  await page.getByRole("tab", { name: "Versions" }).click();
  await page.getByRole("button", { name: "Put a label on version 1" }).click();
  await page.getByLabel("Label", { exact: true }).fill("prod");
  await page.getByRole("button", { name: "Put the label" }).click();
  await expect(page.getByRole("button", { name: "Take prod off version 1" })).toBeVisible();
  await page.getByRole("checkbox", { name: "Select 1" }).check({ force: true });
  await page.getByRole("checkbox", { name: "Select 2" }).check({ force: true });
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("region", { name: "Compare" })).toContainText("- one.example");
  await expect(page.getByRole("region", { name: "Compare" })).toContainText("+ two.example");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("/e2e/site/host");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Parameters" })).toBeVisible();
});

test("the list is filtered by path, and the filter is in the address", async ({ page, hub }) => {
  for (const name of ["/e2e/a/1", "/e2e/a/2", "/e2e/b/3"]) hub.api("AmazonSSM.PutParameter", { Name: name, Value: "x", Type: "String" });
  await page.goto("/parameters");
  await page.getByRole("link", { name: "Everything below /e2e/a" }).first().click();
  await expect(page).toHaveURL(/filter=path/);
  await expect(page.getByRole("link", { name: "/e2e/a/2", exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name: "/e2e/b/3", exact: true })).toBeHidden();
  await page.reload();
  await expect(page.getByRole("link", { name: "/e2e/a/1", exact: true })).toBeVisible();
  await expectAccessible(page);
});

test("a secret is shown only on demand, and its key can be rotated", async ({ page, hub }) => {
  hub.api("AmazonSSM.PutParameter", { Name: "/e2e/secret", Value: "open sesame", Type: "SecureString" });
  await page.goto("/parameters/at?name=%2Fe2e%2Fsecret");
  await expect(page.getByText("This is a secret")).toBeVisible();
  await expect(page.getByText("open sesame")).toBeHidden();
  await page.getByRole("button", { name: "Show the secret" }).click();
  await expect(page.getByRole("region", { name: "the value" })).toHaveText("open sesame");
  await page.getByRole("button", { name: "Hide" }).click();
  await expect(page.getByText("open sesame")).toBeHidden();
  await expectAccessible(page);
  await page.goto("/secret-keys");
  await page.getByRole("radio", { name: "Select alias/aws/ssm" }).check({ force: true });
  await page.getByRole("button", { name: "Rotate", exact: true }).click();
  await expect(page.getByText("alias/aws/ssm has a new version")).toBeVisible();
  await expectAccessible(page);
});
