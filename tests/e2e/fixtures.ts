/** A hub per worker, a page that is logged in, and the rules that hold on every page. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, type Locator, type Page, test as base, expect } from "@playwright/test";
import { ADMIN, Hub, PASSWORD } from "./hub";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Worker {
  hub: Hub;
  login: Awaited<ReturnType<BrowserContext["storageState"]>>;
}

export const test = base.extend<{ guarded: Page; page: Page }, Worker>({
  hub: [
    async ({}, use) => {
      const hub = await Hub.start();
      await hub.join("harbour");
      await hub.join("lighthouse");
      await use(hub);
      hub.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  login: [
    async ({ browser, hub }, use) => {
      const context = await browser.newContext({ locale: "en-GB" });
      const page = await context.newPage();
      await logIn(page, hub);
      const state = await context.storageState();
      await context.close();
      await use(state);
    },
    { scope: "worker" },
  ],
  storageState: ({ login }, use) => use(login),
  baseURL: ({ hub }, use) => use(hub.url),
  // Whatever a test does: no error in the console, nothing fetched from elsewhere.
  page: async ({ page }, use) => {
    const complaints = watch(page);
    await use(page);
    expect(complaints).toEqual([]);
  },
});

export { expect };

/** Collects what must never happen on a page. */
export function watch(page: Page): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`page: ${error.message}`));
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (["http:", "https:", "ws:", "wss:"].includes(protocol) && hostname !== "127.0.0.1") complaints.push(`foreign request: ${request.url()}`);
  });
  return complaints;
}

export async function logIn(page: Page, hub: Hub): Promise<void> {
  await page.goto(`${hub.url}/login`);
  await page.getByLabel("User name").fill(ADMIN);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
}

/** A page of its own for another user. */
export async function asUser(browser: Browser, hub: Hub, name: string, password: string): Promise<Page> {
  // Without the administrator's login, which would end when somebody else logs in over it.
  const context = await browser.newContext({ baseURL: hub.url, locale: "en-GB", storageState: { cookies: [], origins: [] } });
  const page = await context.newPage();
  await page.goto("/login");
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  const overview = page.getByRole("heading", { level: 1, name: "Overview" });
  const own = page.getByLabel("New password", { exact: true });
  await expect(overview.or(own)).toBeVisible();
  if (await own.isVisible()) {
    // A password that somebody else set is changed first.
    await page.getByLabel("Current password").fill(password);
    await own.fill(`${password} of her own`);
    await page.getByLabel("Password again").fill(`${password} of her own`);
    await page.getByRole("button", { name: "Change the password" }).click();
  }
  await expect(overview).toBeVisible();
  return page;
}

/** Chooses a row, or sets what can be set, by its key: a click needs a place, and a list that has just come or a dialog that has just gone moves them. */
export async function choose(box: Locator): Promise<void> {
  await box.press("Space");
  await expect(box).toBeChecked();
}

/** What is set is set no more, in the same way. */
export async function clear(box: Locator): Promise<void> {
  await box.press("Space");
  await expect(box).not.toBeChecked();
}

/** No violation of WCAG 2.2 A or AA; with `contrast`, of its rule for colours alone, or of all others. A page that is still taking its place is judged again. */
export async function expectAccessible(page: Page, contrast?: "only" | "not"): Promise<void> {
  await expect(async () => expect(await violations(page, contrast)).toEqual([])).toPass({ timeout: 15_000 });
}

async function violations(page: Page, contrast?: "only" | "not"): Promise<string[]> {
  // Colours are judged when what comes in has come in. Apart from the rest: the content policy lets only what is evaluated at once
  // evaluate more.
  await page.evaluate(async () => {
    const moving = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(moving.map((one) => one.finished));
  });
  return await page.evaluate(async ({ source, contrast }) => {
    // The content policy forbids inline scripts; what the tester evaluates is not one.
    // eslint-disable-next-line no-eval
    const scope = globalThis as unknown as { axe?: { run: (node: Document, options: object) => Promise<{ violations: Violation[] }> } };
    if (!scope.axe) (0, eval)(source);
    interface Violation {
      id: string;
      nodes: { target: unknown[]; failureSummary?: string }[];
    }
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const runOnly = contrast === "only" ? { type: "rule", values: ["color-contrast"] } : { type: "tag", values: tags };
    const { violations } = await scope.axe!.run(document, { runOnly, rules: { "color-contrast": { enabled: contrast !== "not" } } });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${JSON.stringify(target)} ${failureSummary ?? ""}`).join(" | ")}`);
  }, { source: AXE, contrast });
}
