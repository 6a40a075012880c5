import type { Page } from "@playwright/test";
import { expect, expectAccessible, test } from "../fixtures";

const PAGES = ["/", "/nodes", "/join", "/activations", "/approvals", "/commands", "/commands/new", "/commands/new?document=Roadstead-SetHostsEntry", "/logs", "/sessions", "/access-keys", "/profile", "/parameters", "/parameter-rules", "/documents", "/documents/new", "/limits", "/login-rules", "/users", "/roles", "/policies", "/policies/new", "/groups", "/tags", "/tag-rules", "/who-may", "/single-sign-on", "/notifications", "/object-stores", "/join-requests", "/secret-keys", "/audit", "/audit/shipping", "/responsibilities", "/hub", "/nowhere"];

/** Pages whose title is the name of a thing, in any language. */
const NAMED = ["/documents/at/AWS-RunShellScript", "/documents/at/Roadstead-SetHostsEntry?tab=parameters", "/documents/at/Roadstead-SetHostsEntry?tab=versions"];

/** Those of a log group and its stream, which a command must have made. */
const LOGS: string[] = [];

const all = () => [...PAGES, ...NAMED, ...LOGS];

test.beforeAll(async ({ hub }) => {
  const command = await hub.runLogged(["harbour"], "echo ahoy", "tour/of-the-pages");
  const group = encodeURIComponent("tour/of-the-pages");
  const [stream] = hub.api<{ logStreams: { logStreamName: string }[] }>("Logs_20140328.DescribeLogStreams", { logGroupName: "tour/of-the-pages", logStreamNamePrefix: command }).logStreams;
  LOGS.push(`/logs/at?group=${group}`, `/logs/at?group=${group}&tab=streams`, `/logs/stream?group=${group}&stream=${encodeURIComponent(stream?.logStreamName ?? "")}`);
});

// The tours are long: each runs wherever there is room.
test.describe.configure({ mode: "parallel" });
const TOUR_MS = 600_000;

for (const half of [0, 1]) {
  test(`every page is accessible, in light and dark (${half + 1} of 2)`, async ({ page }) => {
    test.setTimeout(TOUR_MS);
    for (const path of all().filter((_, at) => at % 2 === half)) {
      await page.emulateMedia({ colorScheme: "light" });
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
      await expectAccessible(page);
      await expectNoOverflow(page, path);
      await page.emulateMedia({ colorScheme: "dark" });
      await expect.poll(() => brightness(page)).toBeLessThan(200);
      await expectAccessible(page, "only");
    }
  });
}

test("every page fits a telephone", async ({ page }) => {
  test.setTimeout(TOUR_MS);
  await page.setViewportSize({ width: 400, height: 800 });
  for (const path of all()) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
    await expectAccessible(page);
    await expectNoOverflow(page, path);
  }
});

async function expectNoOverflow(page: Page, path: string): Promise<void> {
  // A table takes its width when it has been drawn once.
  const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  await expect.poll(fits, `${path} does not overflow`).toBe(true);
}

/** Of the page's background: the sum of red, green and blue. */
function brightness(page: Page): Promise<number> {
  return page.evaluate(() => {
    const [r = 0, g = 0, b = 0] = getComputedStyle(document.body).backgroundColor.match(/\d+/g)?.map(Number) ?? [];
    return r + g + b;
  });
}

test("dark is dark, and stays after a reload", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("button", { name: "Appearance" }).click();
  await page.getByRole("menuitemcheckbox", { name: "Dark" }).click();
  await expect.poll(() => brightness(page)).toBeLessThan(200);
  await page.reload();
  await expect.poll(() => brightness(page)).toBeLessThan(200);
  await page.getByRole("button", { name: "Appearance" }).click();
  await page.getByRole("menuitemcheckbox", { name: "Light" }).click();
  await expect.poll(() => brightness(page)).toBeGreaterThan(600);
});

test("the console speaks Japanese, on every page", async ({ page }) => {
  test.setTimeout(TOUR_MS);
  await page.goto("/");
  await page.getByRole("button", { name: "Appearance" }).click();
  await page.getByRole("menuitemcheckbox", { name: "日本語" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "概要" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "ja");
  for (const path of PAGES) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 }).first()).toHaveText(/[ぁ-んァ-ヶ一-龯]/);
    await expectAccessible(page, "not");
  }
  for (const path of NAMED) {
    await page.goto(path);
    await expect(page.getByRole("tab").first()).toHaveText(/[ぁ-んァ-ヶ一-龯]/);
    await expectAccessible(page, "not");
  }
  for (const path of LOGS) {
    await page.goto(path);
    await expect(page.getByRole("tab").or(page.getByRole("heading", { level: 2 })).first()).toHaveText(/[ぁ-んァ-ヶ一-龯]/);
    await expectAccessible(page, "not");
  }
});

test("the palette leads anywhere by keyboard", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox", { name: /A page, a node, an action/ });
  await field.fill("lighthouse");
  await expect(page.getByRole("option", { name: /lighthouse/ }).first()).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "lighthouse" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.press("Escape");
  await expect(field).toBeHidden();
  await page.keyboard.press("Control+k");
  await field.fill("language 日本語");
  await expect(page.getByRole("option", { name: /日本語/ }).first()).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("lang", "ja");
});

test("an access key is shown once, works, and is gone when deleted", async ({ page, hub }) => {
  await page.goto("/access-keys");
  await page.getByRole("button", { name: "Create an access key" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Description").fill("made in a browser");
  await dialog.getByRole("button", { name: "Create an access key" }).click();
  await expect(dialog.getByText("The access key is ready").first()).toBeVisible();
  const keys = hub.api<{ AccessKeys: { AccessKeyId: string; Description: string }[] }>("Roadstead.ListAccessKeys").AccessKeys;
  expect(keys.some(({ Description }) => Description === "made in a browser")).toBe(true);
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("made in a browser")).toBeVisible();
});

test("a hub that has gone is told, and noticed when it is back", async ({ browser, hub, login }) => {
  const context = await browser.newContext({ storageState: login, baseURL: hub.url, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto("/nodes");
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
  await context.setOffline(true);
  await page.getByRole("button", { name: "Refresh" }).first().click();
  await expect(page.getByText(/does not answer|live connection to the hub is lost/).first()).toBeVisible();
  // What is known stays on the page, and one banner is enough.
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText(/does not answer|live connection to the hub is lost/)).toBeHidden({ timeout: 30_000 });
  await expect(page.getByRole("link", { name: "harbour" })).toBeVisible();
  await context.close();
});
