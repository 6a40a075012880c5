import { test as base, expect } from "@playwright/test";
import { expectAccessible, logIn, watch } from "../fixtures";
import { Hub, PASSWORD } from "../hub";

// These hubs have no administrator yet, so they are made one by one.
const test = base.extend<{ hub: Hub }>({
  hub: async ({}, use) => {
    const hub = await Hub.start({ seeded: false });
    await use(hub);
    hub.stop();
  },
});

test("the one-time link makes the first administrator, once", async ({ page, hub }) => {
  const complaints = watch(page);
  const link = `${hub.url}/setup#token=${hub.setupToken()}`;
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "Set up this hub" })).toBeVisible();
  await expectAccessible(page);

  await page.getByLabel("User name").fill("ann");
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Create the administrator" }).click();
  await expect(page.getByText("The password needs at least 10 characters")).toBeVisible();

  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("Password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the administrator" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Welcome to Roadstead" })).toBeVisible();

  await page.goto("about:blank");
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This hub is set up already" })).toBeVisible();
  expect(complaints).toEqual([]);
});

test("without the token nobody becomes administrator", async ({ page, hub }) => {
  await page.goto(`${hub.url}/`);
  await expect(page.getByRole("heading", { name: "Open the set-up link" })).toBeVisible();
  await page.goto(`${hub.url}/setup#token=${"0".repeat(40)}`);
  await page.reload();
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("Password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the administrator" }).click();
  await expect(page.getByText("This set-up link is not valid")).toBeVisible();
});

test("a wrong password is refused in words, the right one leads where one wanted to go, and logging out ends it", async ({ page }) => {
  const hub = await Hub.start();
  try {
    await page.goto(`${hub.url}/nodes`);
    await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
    await expectAccessible(page);
    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page.getByText("User name or password is wrong.")).toBeVisible();
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Nodes" })).toBeVisible();
    await page.getByRole("button", { name: "admin" }).click();
    await page.getByRole("menuitem", { name: "Log out" }).click();
    await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
    await page.goto(`${hub.url}/nodes`);
    await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  } finally {
    hub.stop();
  }
});

test("the console works over the hub's own certificate", async ({ page }) => {
  const hub = await Hub.start();
  try {
    Object.defineProperty(hub, "url", { get: () => `https://127.0.0.1:${hub.port}` });
    await logIn(page, hub);
  } finally {
    hub.stop();
  }
});
