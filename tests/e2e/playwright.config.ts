import { defineConfig } from "@playwright/test";

// Debian's Chromium; nothing is downloaded.
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: "specs",
  timeout: 180_000,
  // A list looks again every 15 s: what comes about after it was fetched is seen with the next look, or the one after it.
  expect: { timeout: 40_000 },
  workers: 3,
  forbidOnly: true,
  reporter: "list",
  use: {
    locale: "en-GB",
    timezoneId: "Asia/Tokyo",
    viewport: { width: 1280, height: 900 },
    ignoreHTTPSErrors: true,
    // A trace doubles what a test costs: `npx playwright test --trace on FILE` records one.
    trace: "off",
    screenshot: "only-on-failure",
    contextOptions: { reducedMotion: "reduce" },
    launchOptions: {
      executablePath,
      // Without a GPU the terminal draws into the page, where its text can be read.
      args: ["--no-sandbox", "--disable-3d-apis", "--disable-dev-shm-usage"],
    },
  },
});
