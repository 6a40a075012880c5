import { expect, expectAccessible, test } from "../fixtures";

// Requests that fail are complained of in the console: these pages are watched by nobody.
test("a page whose code was not there yet comes when the hub is back", async ({ context }) => {
  const page = await context.newPage();
  await page.goto("/nodes");
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
  await context.setOffline(true);
  await page.getByRole("link", { name: "Documents", exact: true }).click();
  await expect(page.getByText("Waiting for the hub")).toBeVisible();
  await expectAccessible(page);
  await context.setOffline(false);
  await expect(page.getByRole("heading", { name: /^Documents/ })).toBeVisible();
  await expect(page).toHaveURL(/\/documents$/);
});

test("a piece that the hub does not have is asked for once more, then told of", async ({ context }) => {
  const page = await context.newPage();
  await page.goto("/nodes");
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
  let loads = 0;
  page.on("load", () => {
    loads += 1;
  });
  await page.route(/\/assets\/DocumentsPage-/, (route) => route.fulfill({ status: 404 }));
  await page.getByRole("link", { name: "Documents", exact: true }).click();
  await expect(page.getByText("This page ran into an error")).toBeVisible();
  expect(loads).toBe(1);
  await page.unroute(/\/assets\/DocumentsPage-/);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: /^Documents/ })).toBeVisible();
});
