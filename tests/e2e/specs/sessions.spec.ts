import type { Page } from "@playwright/test";
import { expect, expectAccessible, test } from "../fixtures";

async function openShell(page: Page, name: string): Promise<void> {
  await page.goto("/nodes");
  await page.getByRole("link", { name }).click();
  await page.getByRole("button", { name: "Open a shell" }).or(page.getByRole("link", { name: "Open a shell" })).first().click();
  await expect(page).toHaveURL(/\/sessions\/(?!new)/);
  await expect(page.getByText("Connected", { exact: true })).toBeVisible();
  await page.getByRole("region", { name: "Terminal" }).click();
}

/** The words on the terminal, as drawn. */
function screen(page: Page) {
  return page.locator(".xterm-rows");
}

test("a shell takes Japanese, follows the window's size, and ends", async ({ page }) => {
  await openShell(page, "harbour");
  await page.keyboard.type("echo sum-$((40+2))\n");
  await expect(screen(page)).toContainText("sum-42");
  await page.keyboard.insertText("echo 日本語のテスト | tr の と");
  await page.keyboard.press("Enter");
  await expect(screen(page)).toContainText("日本語とテスト");

  await page.keyboard.type("stty size\n");
  const size = async () => (await screen(page).locator("> div").allTextContents()).findLast((row) => /^\d{2,3} \d{2,3}\s*$/.test(row)) ?? "";
  await expect.poll(size).not.toBe("");
  const before = await size();
  await page.setViewportSize({ width: 900, height: 600 });
  await expect
    .poll(async () => {
      await page.keyboard.type("clear; stty size\n");
      return ["", before].includes(await size());
    })
    .toBe(false);
  await expectAccessible(page);
  await page.keyboard.type("exit 4\n");
  await expect(page.getByText("The shell has ended with exit code 4.")).toBeVisible();
});

test("a shell fills a telephone, and no more than that", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await openShell(page, "harbour");
  const over = () => page.evaluate(() => document.documentElement.scrollHeight - window.innerHeight);
  await expect.poll(over).toBeLessThanOrEqual(0);
  await page.keyboard.type("exit\n");
  await expect(page.getByText("The shell has ended with exit code 0.")).toBeVisible();
});

test("a reload comes back to the same shell with what was on it", async ({ page }) => {
  await openShell(page, "harbour");
  await page.keyboard.type("keep=still-the-same; echo before-$((1+1))\n");
  await expect(screen(page)).toContainText("before-2");
  await page.reload();
  await expect(page.getByText("Connected", { exact: true })).toBeVisible();
  await expect(screen(page)).toContainText("before-2");
  await page.getByRole("region", { name: "Terminal" }).click();
  await page.keyboard.type("echo $keep\n");
  await expect(screen(page)).toContainText("still-the-same");
  await page.getByRole("button", { name: "End the session" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End", exact: true }).click();
  await expect(page.getByText("The session was ended by somebody.")).toBeVisible();
});

test("a shell survives a restart of the hub", async ({ browser, hub, login }) => {
  // Its own page: a lost connection is told in the console, as it should be.
  const context = await browser.newContext({ storageState: login, baseURL: hub.url, locale: "en-GB" });
  const page = await context.newPage();
  await openShell(page, "lighthouse");
  await page.keyboard.type("keep=through-the-restart; echo ready-$((1+1))\n");
  await expect(screen(page)).toContainText("ready-2");
  // Until it calls again the page may still believe in the connection that it had.
  const again = page.waitForEvent("websocket", (socket) => socket.url().includes("/stream/"));
  await hub.restart();
  await again;
  await expect(page.getByText("Connected", { exact: true })).toBeVisible();
  await page.getByRole("region", { name: "Terminal" }).click();
  await page.keyboard.type("echo $keep\n");
  await expect(screen(page)).toContainText("through-the-restart");
  await page.keyboard.type("exit\n");
  await context.close();
});

test("a second window is told, may take over, and the first one sees it", async ({ page, context }) => {
  await openShell(page, "harbour");
  await page.keyboard.type("keep=mine; echo first-$((1+1))\n");
  await expect(screen(page)).toContainText("first-2");
  const second = await context.newPage();
  await second.goto(page.url());
  await expect(second.getByText("Another browser or terminal is attached to this shell.")).toBeVisible();
  await second.getByRole("button", { name: "Take over" }).click();
  await expect(page.getByText("This shell was taken over elsewhere and goes on there.")).toBeVisible();
  await second.getByRole("region", { name: "Terminal" }).click();
  await second.keyboard.type("echo $keep-too; exit\n");
  await expect(second.getByText("The shell has ended with exit code 0.")).toBeVisible();
});

test("pasting several lines asks first", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await openShell(page, "harbour");
  await page.evaluate(() => navigator.clipboard.writeText("echo one\necho two\n"));
  await page.keyboard.press("Control+Shift+V");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("echo one");
  await dialog.getByRole("button", { name: "Do not paste" }).click();
  await expect(screen(page)).not.toContainText("echo one");
  await page.keyboard.type("exit\n");
});
