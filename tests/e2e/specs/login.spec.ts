import { createHmac } from "node:crypto";
import { type Page, test as base, expect } from "@playwright/test";
import { expectAccessible, logIn, watch } from "../fixtures";
import { ADMIN, Hub, PASSWORD } from "../hub";

// Factors and rules belong to a whole hub, so each test has its own.
const test = base.extend<{ hub: Hub }>({
  hub: async ({}, use) => {
    const hub = await Hub.start();
    await use(hub);
    hub.stop();
  },
});

/** A phone: the hub takes no code twice, so it never shows one twice. */
class Phone {
  private last = 0;

  constructor(private readonly key: string) {}

  next(): string {
    // Of the present, not of the step before: that one may be over for the hub when it arrives. The one after counts already.
    this.last = Math.max(this.last + 1, Math.floor(Date.now() / 30_000));
    const step = Buffer.alloc(8);
    step.writeBigUInt64BE(BigInt(this.last));
    const tag = createHmac("sha1", base32(this.key)).update(step).digest();
    const at = (tag.at(-1) ?? 0) & 0xf;
    return String((tag.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
  }
}

function base32(text: string): Buffer {
  const bits = [...text].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

async function enterPassword(page: Page, hub: Hub, password = PASSWORD): Promise<void> {
  await page.goto(`${hub.url}/login`);
  await page.getByLabel("User name").fill(ADMIN);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** On a page that shows the set-up of a code generator; ends with the recovery codes. */
async function enrol(page: Page): Promise<{ phone: Phone; codes: string[] }> {
  await expect(page.getByRole("img", { name: "QR code for the authenticator app" })).toBeVisible();
  const phone = new Phone((await page.getByRole("region", { name: "Key to type" }).innerText()).trim());
  await page.getByLabel("Code", { exact: true }).fill(phone.next());
  await page.getByRole("button", { name: "Confirm" }).click();
  const shown = await page.getByRole("region", { name: "Recovery codes" }).innerText();
  const codes = shown.trim().split("\n");
  expect(codes).toHaveLength(10);
  await page.getByRole("button", { name: "I have kept them" }).click();
  return { phone, codes };
}

async function logOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: ADMIN }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
}

test("a code generator is set up, asked for at the login, and a recovery code stands in for it", async ({ page, hub }) => {
  const complaints = watch(page);
  await logIn(page, hub);
  await page.goto(`${hub.url}/profile`);
  await expect(page.getByText("Your login takes the password alone.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Set up a code generator" }).click();
  const { phone, codes } = await enrol(page);
  await expect(page.getByText("10 recovery codes are left.")).toBeVisible();

  await logOut(page);
  await enterPassword(page, hub);
  await expectAccessible(page);
  await page.getByLabel("Code", { exact: true }).fill(phone.next());
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();

  await logOut(page);
  await enterPassword(page, hub);
  await page.getByLabel("Code", { exact: true }).fill(codes[0] ?? "");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await page.goto(`${hub.url}/profile`);
  await expect(page.getByText("9 recovery codes are left.")).toBeVisible();
  expect(complaints.filter((one) => !one.includes("400"))).toEqual([]);
});

test("where a role asks for a second factor there is no way around setting one up", async ({ page, hub }) => {
  hub.cli("login-rule", "set", "admin", "--require-second-factor");
  await enterPassword(page, hub);
  await expect(page.getByText("Your role asks for a second factor.")).toBeVisible();
  await page.goto(`${hub.url}/nodes`);
  await expect(page.getByText("Your role asks for a second factor.")).toBeVisible();
  await enrol(page);
  await expect(page.getByRole("heading", { level: 1, name: "Nodes" })).toBeVisible();
});

/** A login by code for each of them, in no browser. */
async function useUp(hub: Hub, codes: readonly string[]): Promise<void> {
  const call = async (operation: string, body: object) => {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `Roadstead.${operation}` };
    const answer = await fetch(hub.url, { method: "POST", headers, body: JSON.stringify(body) });
    expect(answer.status).toBe(200);
    return (await answer.json()) as { Ticket?: string };
  };
  for (const code of codes) {
    const { Ticket } = await call("Login", { UserName: ADMIN, Password: PASSWORD });
    await call("ContinueLogin", { Ticket, RecoveryCode: code });
  }
}

test("where a role asks for recovery codes, used up ones are made anew before anything else", async ({ page, hub }) => {
  hub.cli("login-rule", "set", "admin", "--require-second-factor", "--require-recovery-codes");
  await enterPassword(page, hub);
  const { codes } = await enrol(page);
  await logOut(page);
  await useUp(hub, codes.slice(1));
  await enterPassword(page, hub);
  await page.getByLabel("Code", { exact: true }).fill(codes[0] ?? "");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByText("Your role asks for recovery codes, and yours are used up.")).toBeVisible();
  await page.goto(`${hub.url}/nodes`);
  await expect(page.getByText("Your role asks for recovery codes, and yours are used up.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Make new recovery codes" }).click();
  const shown = await page.getByRole("region", { name: "Recovery codes" }).innerText();
  expect(shown.trim().split("\n")).toHaveLength(10);
  await page.getByRole("button", { name: "I have kept them" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Nodes" })).toBeVisible();
});

test("a password set by an admin is changed before anything else", async ({ page, hub }) => {
  const once = hub.api<{ Password: string }>("Roadstead.ResetPassword", { UserName: ADMIN }).Password;
  await enterPassword(page, hub, once);
  await expect(page.getByText("Your password was set by an administrator.")).toBeVisible();
  await page.getByLabel("Current password").fill(once);
  await page.getByLabel("New password").fill("another long pass phrase");
  await page.getByLabel("Password again").fill("another long pass phrase");
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
});

test("a command takes a fresh proof where a rule asks for it", async ({ page, hub }) => {
  await hub.join("harbour");
  hub.cli("login-rule", "set", "*", "--step-up-for-shell");
  await logIn(page, hub);
  await page.goto(`${hub.url}/nodes`);
  await page.getByRole("link", { name: "harbour" }).click();
  await page.getByRole("button", { name: "Open a shell" }).or(page.getByRole("link", { name: "Open a shell" })).first().click();
  const dialog = page.getByRole("dialog", { name: "Who is there?" });
  await dialog.getByLabel("Password").fill(PASSWORD);
  await dialog.getByRole("button", { name: "Go on" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.locator(".xterm")).toBeVisible();
});

test("a login elsewhere is seen and ended, and its page leaves at once", async ({ page, hub, browser }) => {
  await logIn(page, hub);
  const elsewhere = await browser.newContext({ locale: "en-GB" });
  const other = await elsewhere.newPage();
  await logIn(other, hub);
  await page.goto(`${hub.url}/profile`);
  await expect(page.getByRole("table", { name: "Your logins" }).getByRole("row")).toHaveCount(3);
  await page.getByRole("button", { name: "End all others" }).click();
  await expect(page.getByText("1 other login is ended")).toBeVisible();
  await other.goto(`${hub.url}/nodes`);
  await expect(other.getByRole("heading", { name: "Log in" })).toBeVisible();
  await elsewhere.close();
});

test("an access key is made with an end and limits, and switched off", async ({ page, hub }) => {
  await logIn(page, hub);
  await page.goto(`${hub.url}/access-keys`);
  await page.getByRole("button", { name: "Create an access key" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Description").fill("report");
  await dialog.getByLabel("Limited to").fill("ssm:List*");
  await dialog.getByRole("button", { name: "Create an access key" }).click();
  await expect(dialog.getByText("The secret is shown only now.")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  const row = page.getByRole("row").filter({ hasText: "report" });
  await expect(row).toContainText("ssm:List*");
  await row.getByRole("radio").check();
  await page.getByRole("button", { name: "Disable" }).click();
  await expect(row).toContainText("Disabled");
});

test("a passkey logs in alone, under a name of the hub and nowhere else", async ({ page, hub }) => {
  await logIn(page, hub);
  await page.goto(`${hub.url}/profile`);
  await expect(page.getByText("This browser has no passkeys here").last()).toBeVisible();
  await expect(page.getByRole("button", { name: "Add a passkey" })).toHaveAttribute("aria-disabled", "true");

  const authenticator = await page.context().newCDPSession(page);
  await authenticator.send("WebAuthn.enable");
  await authenticator.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  Object.defineProperty(hub, "url", { get: () => `http://localhost:${hub.port}` });
  await logIn(page, hub);
  await page.goto(`${hub.url}/profile`);
  await page.getByLabel("Name", { exact: true }).fill("laptop");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("button", { name: "I have kept them" }).click();
  await expect(page.getByRole("button", { name: "Remove: laptop" })).toBeVisible();

  await logOut(page);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();

  // The password alone is not enough any more, and the passkey answers the second question as well.
  await logOut(page);
  await enterPassword(page, hub);
  await expect(page.getByLabel("Code", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
});
