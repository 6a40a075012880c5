import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";
import { expect, expectAccessible, test } from "../fixtures";
import { type Agent, type Hub, until } from "../hub";

const NAMES = ["harbour", "lighthouse", "beacon"];
const DOCUMENT = "Two-steps-on-many-nodes";

let beacon: Agent;

test.beforeAll(async ({ hub }) => {
  beacon = await hub.join("beacon");
});

test.afterAll(async ({ hub }) => {
  const id = await beacon.node();
  await beacon.stop();
  hub.api("AmazonSSM.DeregisterManagedInstance", { InstanceId: id });
});

/** Runs act with a folder, and takes it away: whatever waits in it goes on. */
async function withFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "roadstead-e2e-live-"));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const waitFor = (folder: string, gate: string) => `while [ -d ${folder} ] && [ ! -e ${folder}/${gate} ]; do sleep 0.1; done`;
const open = (folder: string, gate: string) => writeFileSync(`${folder}/${gate}`, "");

function send(hub: Hub, names: string[], document: string, more: object = {}): string {
  const { Nodes } = hub.api<{ Nodes: { NodeId: string; Name: string }[] }>("Roadstead.SearchNodes");
  const InstanceIds = Nodes.filter(({ Name }) => names.includes(Name)).map(({ NodeId }) => NodeId);
  return hub.api<{ Command: { CommandId: string } }>("AmazonSSM.SendCommand", { DocumentName: document, InstanceIds, ...more }).Command.CommandId;
}

const sendScript = (hub: Hub, names: string[], script: string) => send(hub, names, "AWS-RunShellScript", { Parameters: { commands: [script] } });

async function withTwoSteps(hub: Hub, scripts: [string, string], act: () => Promise<void>): Promise<void> {
  const steps = scripts.map((script, at) => ({ name: at === 0 ? "prepare" : "serve", action: "aws:runShellScript", inputs: { runCommand: [script] } }));
  hub.api("AmazonSSM.CreateDocument", { Name: DOCUMENT, Content: JSON.stringify({ schemaVersion: "2.2", mainSteps: steps }), DocumentType: "Command", DocumentFormat: "JSON" });
  try {
    await act();
  } finally {
    hub.api("AmazonSSM.DeleteDocument", { Name: DOCUMENT });
  }
}

const paneOf = (page: Page) => page.getByRole("log", { name: "Output of the nodes" });
const followOf = (page: Page) => page.getByRole("checkbox", { name: "Follow" }).or(page.getByRole("switch", { name: "Follow" }));
const linesWith = (pane: Locator, text: string) => pane.getByText(text, { exact: true });

test("lines of many nodes come into one pane as they are written, and stay when the command is over", async ({ page, hub }) => {
  await withFolder(async (folder) => {
    const scripts: [string, string] = [
      `echo early; ${waitFor(folder, "one")}; echo wrong >&2`,
      `echo second; ${waitFor(folder, "two")}; mkdir ${folder}/only-one 2>/dev/null || exit 3`,
    ];
    await withTwoSteps(hub, scripts, async () => {
      const id = send(hub, NAMES, DOCUMENT);
      await page.goto(`/commands/${id}`);
      await page.getByRole("tab", { name: "Live output" }).click();
      const pane = paneOf(page);
      await expect(linesWith(pane, "early")).toHaveCount(3);
      for (const name of NAMES) await expect(linesWith(pane, name)).toHaveCount(1);
      await expect(linesWith(pane, "1. prepare")).toHaveCount(3);
      await expect(page.getByText("Following 3 of 3 nodes.")).toBeVisible();
      await expectAccessible(page);
      await page.emulateMedia({ colorScheme: "dark" });
      await expectAccessible(page, "only");
      await page.emulateMedia({ colorScheme: "light" });

      await page.getByRole("button", { name: "Pause" }).click();
      open(folder, "one");
      await expect(page.getByText("Paused: 6 new lines")).toBeVisible();
      await expect(linesWith(pane, "wrong")).toHaveCount(0);
      await page.getByRole("button", { name: "Go on" }).click();
      await expect(linesWith(pane, "wrong")).toHaveCount(3);
      await expect(linesWith(pane, "stderr")).toHaveCount(3);
      await expect(linesWith(pane, "2. serve")).toHaveCount(3);

      await page.getByLabel("Filter the lines").fill("WRONG");
      await expect(page.getByText("3 of 9 lines")).toBeVisible();
      await expect(linesWith(pane, "early")).toHaveCount(0);
      await page.getByLabel("Filter the lines").fill("beacon");
      await expect(page.getByText("3 of 9 lines")).toBeVisible();
      await page.getByLabel("Filter the lines").fill("nobody wrote this");
      await expect(pane.getByText("No line fits the filter.")).toBeVisible();
      await page.getByLabel("Filter the lines").fill("");

      open(folder, "two");
      await expect(page.getByText("The command is over: 3 of 3 nodes were read.")).toBeVisible();
      await expect(linesWith(pane, "ended: Failed")).toHaveCount(2);
      await expect(linesWith(pane, "early")).toHaveCount(3);
      await expectAccessible(page);

      // Another tab takes nothing away.
      await page.getByRole("tab", { name: "Nodes" }).click();
      await expect(pane).toBeHidden();
      await page.getByRole("tab", { name: "Live output" }).click();
      await expect(linesWith(pane, "early")).toHaveCount(3);

      await page.getByRole("button", { name: "Failed", exact: true }).click();
      await expect(page).toHaveURL(/follow=failed/);
      await expect(linesWith(pane, "early")).toHaveCount(2);
      await expect(linesWith(pane, "ended: Failed")).toHaveCount(2);
      await page.reload();
      await expect(linesWith(pane, "early")).toHaveCount(2);

      await page.getByRole("button", { name: "Chosen nodes" }).click();
      await expect(page.getByText("No nodes are chosen yet")).toBeVisible();
      await page.getByRole("button", { name: /Nodes to follow/ }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("option", { name: /beacon/ }).click();
      await page.keyboard.press("Escape");
      await expect(linesWith(pane, "early")).toHaveCount(1);
      await expect(linesWith(pane, "lighthouse")).toHaveCount(0);
      await expectAccessible(page);
      await page.setViewportSize({ width: 390, height: 844 });
      await expect(linesWith(pane, "second")).toBeVisible();
      await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);
      await expectAccessible(page);
    });
  });
});

test("a pane without lines says so, while the command runs and afterwards", async ({ page, hub }) => {
  await withFolder(async (folder) => {
    const id = sendScript(hub, ["harbour", "lighthouse"], waitFor(folder, "go"));
    await page.goto(`/commands/${id}?tab=live`);
    await expect(page.getByText("Following 2 of 2 nodes.")).toBeVisible();
    await expect(paneOf(page).getByText("Nothing has been written yet.")).toBeVisible();
    await expectAccessible(page);
    open(folder, "go");
    await expect(page.getByText("The command is over: 2 of 2 nodes were read.")).toBeVisible();
    await expect(paneOf(page).getByText("Nothing was written here.")).toBeVisible();
  });
});

test("what nodes write stays text, and the pane keeps the latest of it", async ({ page, hub }) => {
  const id = sendScript(
    hub,
    ["harbour", "lighthouse"],
    `seq -f 'wave %05.0f' 1 4000; printf '\\033]0;owned\\007\\033[31mred\\033[0m \\r<img src=x onerror="document.title=1">\\n'`,
  );
  await page.goto(`/commands/${id}?tab=live`);
  const pane = paneOf(page);
  await expect(linesWith(pane, 'red \\x0d<img src=x onerror="document.title=1">')).toHaveCount(2);
  await expect(pane.getByText(/^[0-9,]+ earlier lines are no longer kept here\.$/)).toHaveCount(1);
  expect(await pane.locator(".pane-line").count()).toBeLessThanOrEqual(5000);
  expect(await pane.locator("img").count()).toBe(0);
  expect(await page.title()).not.toMatch(/^(1|owned)$/);
  // It stays at the end until somebody scrolls up.
  await expect.poll(() => pane.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)).toBeLessThan(24);
  await pane.focus();
  await page.keyboard.press("Home");
  await expect(followOf(page)).not.toBeChecked();
});

test("who scrolls up by a little reads on there while lines go on to come", async ({ page, hub }) => {
  await withFolder(async (folder) => {
    const id = sendScript(hub, ["harbour", "lighthouse"], `seq 1 300; while [ -d ${folder} ] && [ ! -e ${folder}/end ]; do echo swell; sleep 0.02; done`);
    await page.goto(`/commands/${id}?tab=live`);
    const pane = paneOf(page);
    const follow = followOf(page);
    const top = () => pane.evaluate((box) => box.scrollTop);
    await expect(linesWith(pane, "swell").first()).toBeVisible();
    await pane.hover();
    await page.mouse.wheel(0, -5);
    await expect(follow).not.toBeChecked();
    const before = await top();
    const count = await linesWith(pane, "swell").count();
    await expect.poll(() => linesWith(pane, "swell").count()).toBeGreaterThan(count);
    await expect(follow).not.toBeChecked();
    expect(await top()).toBeLessThanOrEqual(before);
    // Down at the end again it follows again.
    await pane.focus();
    await page.keyboard.press("End");
    await expect(follow).toBeChecked();
    open(folder, "end");
  });
});

test("a log stream leads to the output of its own step", async ({ page, hub }) => {
  await withTwoSteps(hub, ["echo laid in", "echo cast off"], async () => {
    const config = { CloudWatchOutputConfig: { CloudWatchOutputEnabled: true, CloudWatchLogGroupName: "steps/apart" } };
    const id = send(hub, ["harbour"], DOCUMENT, config);
    await until("the command having ended", () => hub.api<{ Command: { CompletedCount: number } }>("Roadstead.DescribeCommand", { CommandId: id }).Command.CompletedCount === 1);
    const node = hub.api<{ Nodes: { NodeId: string; Name: string }[] }>("Roadstead.SearchNodes").Nodes.find(({ Name }) => Name === "harbour")?.NodeId ?? "";
    await page.goto(`/logs/stream?${new URLSearchParams({ group: "steps/apart", stream: `${id}/${node}/serve/stdout` }).toString()}`);
    await page.getByRole("link", { name: id }).click();
    await expect(page.getByRole("region", { name: "Standard output" })).toHaveText("cast off");
    await page.getByRole("button", { name: "1. prepare: Success" }).click();
    await expect(page.getByRole("region", { name: "Standard output" })).toHaveText("laid in");
  });
});
