import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Page, test as base, expect } from "@playwright/test";
import { expectAccessible, logIn } from "../fixtures";
import { Hub, freePort, until } from "../hub";

const SECRET = "a secret of the test suite";

interface Manner {
  algorithm?: "ES256" | "RS256";
  claims?: "token" | "userinfo";
}

/** A real provider in a process of its own, which proves itself by the hub's own certificate. */
class Provider {
  private child!: ChildProcess;

  private constructor(
    private readonly hub: Hub,
    readonly port: number,
  ) {}

  static async start(hub: Hub): Promise<Provider> {
    const provider = new Provider(hub, await freePort());
    await provider.spawn({});
    return provider;
  }

  get issuer(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  private async spawn({ algorithm = "ES256", claims = "token" }: Manner): Promise<void> {
    const program = join(dirname(fileURLToPath(import.meta.url)), "../provider.mjs");
    const files = ["web.pem", "web.key"].map((name) => join(this.hub.data, name));
    const redirect = `${this.hub.url}/login/oidc`;
    this.child = spawn(process.execPath, [program, String(this.port), ...files, redirect, algorithm, claims], { stdio: "ignore" });
    await until("the provider listening", () => isListening(this.port));
  }

  /** Comes back with another signing key. */
  async restart(manner: Manner): Promise<void> {
    await this.stop();
    await this.spawn(manner);
  }

  stop(): Promise<void> {
    return new Promise((done) => {
      this.child.once("exit", () => done());
      this.child.kill("SIGKILL");
    });
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      done(true);
    });
    socket.on("error", () => done(false));
  });
}

const test = base.extend<{ hub: Hub; provider: Provider }>({
  hub: async ({}, use) => {
    const hub = await Hub.start();
    await use(hub);
    hub.stop();
  },
  provider: async ({ hub }, use) => {
    const provider = await Provider.start(hub);
    await use(provider);
    await provider.stop();
  },
});
// The browser does not know the provider's authority; the hub is told of it.
test.use({ ignoreHTTPSErrors: true, locale: "en-GB" });

function setUp(hub: Hub, provider: Provider, more: object = {}): void {
  const settings = {
    Issuer: provider.issuer,
    ClientId: "roadstead",
    Label: "Harbour ID",
    Roles: [{ Group: "ops", Role: "admin" }],
    CreatesUsers: true,
    AllowedNetworks: ["127.0.0.1"],
    CaPem: readFileSync(join(hub.data, "ca.pem"), "utf8"),
    ...more,
  };
  hub.api("Roadstead.PutOidc", { Settings: settings, ClientSecret: SECRET });
}

async function throughProvider(page: Page, hub: Hub, name: string): Promise<void> {
  await page.goto(`${hub.url}/nodes`);
  await page.getByRole("button", { name: "Harbour ID" }).click();
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  // Their consent.
  await page.locator("input[name=prompt][value=consent]").waitFor({ state: "attached" });
  await page.locator("button[type=submit]").click();
}

const nodes = (page: Page) => page.getByRole("heading", { level: 1, name: "Nodes" });

interface Person {
  User: { Roles: string[]; OidcSubject?: string };
}

test("somebody of the provider becomes a user with the role of their group, also after its keys changed", async ({ page, hub, provider, browser }) => {
  setUp(hub, provider);
  await throughProvider(page, hub, "ann");
  await expect(nodes(page)).toBeVisible();
  await page.goto(`${hub.url}/profile`);
  await expect(page.getByText("Single sign-on", { exact: true }).last()).toBeVisible();
  expect(hub.api<Person>("Roadstead.DescribeUser", { UserName: "ann" }).User).toMatchObject({ Roles: ["admin"], OidcSubject: "subject-ann" });

  // Another key of another kind, and claims that must be asked for.
  await provider.restart({ algorithm: "RS256", claims: "userinfo" });
  hub.api("Roadstead.UpdateUser", { UserName: "ann", Roles: [] });
  const fresh = await browser.newContext({ locale: "en-GB", ignoreHTTPSErrors: true });
  const other = await fresh.newPage();
  await throughProvider(other, hub, "ann");
  await expect(nodes(other)).toBeVisible();
  expect(hub.api<Person>("Roadstead.DescribeUser", { UserName: "ann" }).User.Roles).toEqual(["admin"]);
  await fresh.close();
});

test("an answer of the provider counts once, and only in the browser that asked", async ({ page, hub, provider, browser }) => {
  setUp(hub, provider);
  let answer = "";
  let cookie = "";
  await page.route(`${hub.url}/`, async (route) => {
    if (route.request().headers()["x-amz-target"] === "Roadstead.FinishOidcLogin") {
      answer = route.request().postData() ?? "";
      cookie = (await route.request().allHeaders())["cookie"] ?? "";
    }
    await route.continue();
  });
  await throughProvider(page, hub, "ann");
  await expect(nodes(page)).toBeVisible();
  expect(cookie).toContain("roadstead_oidc=");
  const replay = async (headers: Record<string, string>) => {
    const all = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Roadstead.FinishOidcLogin", ...headers };
    const again = await fetch(`${hub.url}/`, { method: "POST", headers: all, body: answer });
    return { status: again.status, body: await again.text() };
  };
  const used = await replay({ cookie });
  expect(used.status).toBe(400);
  expect(await replay({})).toMatchObject({ status: 400, body: expect.stringContaining("LoginExpiredException") });

  const fresh = await browser.newContext({ locale: "en-GB", ignoreHTTPSErrors: true });
  const other = await fresh.newPage();
  await other.goto(`${hub.url}/login/oidc?code=abc&state=def`);
  await expect(other.getByText("this browser did not begin this login")).toBeVisible();
  await other.goto(`${hub.url}/login/oidc?error=access_denied&error_description=Call+0900`);
  await expect(other.getByText("The identity provider did not let you in (access_denied).")).toBeVisible();
  await expect(other.getByText("0900")).toHaveCount(0);
  await expectAccessible(other);
  await fresh.close();
});

test("who may come in is decided here: names that are taken, people without a role, people nobody linked", async ({ page, hub, provider, browser }) => {
  setUp(hub, provider, { Roles: [{ Group: "ops", Role: "operator" }, { Group: "guests", Role: "viewer" }] });
  hub.api("Roadstead.CreateUser", { UserName: "bob", Roles: ["patcher"] });
  await throughProvider(page, hub, "bob");
  await expect(page.getByText("there is a user `bob` already")).toBeVisible();
  hub.cli("oidc", "link", "bob", "subject-bob");
  await page.getByRole("link", { name: "Begin again" }).click();
  await page.getByRole("button", { name: "Harbour ID" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  expect(hub.api<Person>("Roadstead.DescribeUser", { UserName: "bob" }).User.Roles).toEqual(["viewer"]);
  hub.cli("oidc", "unlink", "bob");
  await page.goto(`${hub.url}/nodes`);
  await expect(page.getByRole("button", { name: "Harbour ID" })).toBeVisible();

  const fresh = await browser.newContext({ locale: "en-GB", ignoreHTTPSErrors: true });
  const other = await fresh.newPage();
  await throughProvider(other, hub, "eve");
  await expect(other.getByText("none of your groups at the provider has a role")).toBeVisible();
  expect(hub.cli("audit", "list", "--filter", "outcome=denied", "-o", "json")).toContain("subject-bob");
  await fresh.close();
});

test("a second factor of the hub's is asked for unless the provider is trusted with it", async ({ page, hub, provider, browser }) => {
  setUp(hub, provider);
  hub.api("Roadstead.PutLoginRule", { Role: "*", RequireSecondFactor: true });
  await throughProvider(page, hub, "ann");
  await expect(page.getByText("Your role asks for a second factor")).toBeVisible();

  setUp(hub, provider, { IsSecondFactor: true });
  const fresh = await browser.newContext({ locale: "en-GB", ignoreHTTPSErrors: true });
  const other = await fresh.newPage();
  await throughProvider(other, hub, "ann");
  await expect(nodes(other)).toBeVisible();
  await fresh.close();
});

test("a provider that only the hub can reach, or that is called otherwise, is refused", ({ hub, provider }) => {
  expect(() => setUp(hub, provider, { AllowedNetworks: [] })).toThrow(/allow its network/);
  expect(() => setUp(hub, provider, { CaPem: undefined })).toThrow(/cannot be used/);
  expect(() => setUp(hub, provider, { Issuer: `${provider.issuer}/other` })).toThrow(/cannot be used/);
});

test("an admin sets the provider up on its page", async ({ page, hub, provider }) => {
  await logIn(page, hub);
  await page.goto(`${hub.url}/single-sign-on`);
  await expect(page.getByText(`${hub.url}/login/oidc`)).toBeVisible();
  await page.getByLabel("Issuer").fill(provider.issuer);
  await page.getByLabel("Client ID").fill("roadstead");
  await page.getByLabel("Client secret").fill(SECRET);
  await page.getByLabel("Text of the button").fill("Harbour ID");
  await page.getByLabel("Roles by group").fill("ops=operator");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("allow its network")).toBeVisible();
  await page.getByLabel("Private networks").fill("127.0.0.1");
  await page.getByLabel("Certificate authority").fill(readFileSync(join(hub.data, "ca.pem"), "utf8"));
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Single sign-on is saved")).toBeVisible();
  await expectAccessible(page);
  expect(JSON.parse(hub.cli("oidc", "show", "-o", "json"))).toMatchObject({ client_id: "roadstead", has_client_secret: true, roles: ["ops=operator"] });
  hub.cli("oidc", "set", "--label", "Pilot");
  await page.reload();
  await expect(page.getByLabel("Text of the button")).toHaveValue("Pilot");
  await page.getByRole("button", { name: "Switch off" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Switch off" }).click();
  await expect(page.getByText("Single sign-on is switched off")).toBeVisible();
  await page.context().clearCookies();
  await page.goto(`${hub.url}/login`);
  await expect(page.getByLabel("User name")).toBeVisible();
  await expect(page.getByRole("button", { name: "Pilot" })).toHaveCount(0);
});
