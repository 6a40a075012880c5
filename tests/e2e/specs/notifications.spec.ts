import { choose, expect, expectAccessible, test } from "../fixtures";

test("a channel is made, tried, chosen for a command and deleted", async ({ page, hub }) => {
  await page.goto("/notifications");
  await page.getByRole("button", { name: "Add a channel" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill("ops-hook");
  await dialog.getByLabel("Address").fill("https://localhost:9/hook");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Add a channel" }).click();
  await choose(page.getByRole("radio", { name: /ops-hook/ }));
  await page.getByRole("button", { name: "Send a test" }).click();
  await expect(page.getByText(/allow its network/).first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Try again" }).first()).toBeVisible();
  await expectAccessible(page);

  hub.cli("run", "--node", "harbour", "--notify", "ops-hook", "--", "true");
  await page.reload();
  await expect(page.getByText("Success: AWS-RunShellScript").first()).toBeVisible();

  await page.getByRole("combobox", { name: "Filter channels" }).fill("nothing like it");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Nothing matches")).toBeVisible();
  await page.getByRole("button", { name: "Clear the filter" }).last().click();
  await expect(page.getByRole("radio", { name: /ops-hook/ })).toBeVisible();
  await page.getByRole("combobox", { name: "Filter the delivery log" }).fill("subject:Success");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/log=subject/);
  await expect(page.getByText("Roadstead: a test")).toHaveCount(0);
  await expect(page.getByText("Success: AWS-RunShellScript").first()).toBeVisible();
  await expectAccessible(page);

  await choose(page.getByRole("radio", { name: /ops-hook/ }));
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("ops-hook");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No channels yet")).toBeVisible();
});
