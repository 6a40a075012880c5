import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choose, expect, expectAccessible, test } from "../fixtures";
import { type Hub, until } from "../hub";

const TWO_STEPS = "Two-steps-in-the-browser";

/** Runs a document on these nodes; the command's id. */
function send(hub: Hub, names: string[], document: string, parameters: Record<string, string[]> = {}): string {
  const { Nodes } = hub.api<{ Nodes: { NodeId: string; Name: string }[] }>("Roadstead.SearchNodes");
  const ids = Nodes.filter(({ Name }) => names.includes(Name)).map(({ NodeId }) => NodeId);
  const request = { DocumentName: document, InstanceIds: ids, Parameters: parameters };
  return hub.api<{ Command: { CommandId: string } }>("AmazonSSM.SendCommand", request).Command.CommandId;
}

async function ended(hub: Hub, CommandId: string): Promise<void> {
  await until("the command having ended", () => {
    const { Command } = hub.api<{ Command: { CompletedCount: number; TargetCount: number } }>("Roadstead.DescribeCommand", { CommandId });
    return Command.CompletedCount === Command.TargetCount;
  });
}

async function ran(hub: Hub, names: string[], script: string): Promise<string> {
  const id = send(hub, names, "AWS-RunShellScript", { commands: [script] });
  await ended(hub, id);
  return id;
}

async function withTwoSteps(hub: Hub, scripts: [string, string], act: () => Promise<void>): Promise<void> {
  const steps = scripts.map((script, at) => ({ name: at === 0 ? "prepare" : "serve", action: "aws:runShellScript", inputs: { runCommand: [script] } }));
  const content = JSON.stringify({ schemaVersion: "2.2", mainSteps: steps });
  hub.api("AmazonSSM.CreateDocument", { Name: TWO_STEPS, Content: content, DocumentType: "Command", DocumentFormat: "JSON" });
  try {
    await act();
  } finally {
    hub.api("AmazonSSM.DeleteDocument", { Name: TWO_STEPS });
  }
}

test("every step's output is there, and which one is shown stands in the address", async ({ page, hub }) => {
  await withTwoSteps(hub, ["echo laid in", "echo cast off; exit 3"], async () => {
    const id = send(hub, ["harbour"], TWO_STEPS);
    await ended(hub, id);
    await page.goto(`/commands/${id}`);
    const output = page.getByRole("region", { name: "Standard output" });
    await expect(output).toHaveText("laid in");
    await expectAccessible(page);
    await page.getByRole("button", { name: "2. serve: Failed" }).click();
    await expect(output).toHaveText("cast off");
    await expect(page).toHaveURL(/step=1/);
    await page.reload();
    await expect(output).toHaveText("cast off");
    await page.getByRole("button", { name: "1. prepare: Success" }).click();
    await expect(output).toHaveText("laid in");
    await expect(page).not.toHaveURL(/step=/);
  });
});

test("a later step is followed live", async ({ page, hub }) => {
  const folder = mkdtempSync(join(tmpdir(), "roadstead-e2e-step-"));
  try {
    await withTwoSteps(hub, ["echo laid in", `echo under way; while [ -d ${folder} ] && [ ! -e ${folder}/gate ]; do sleep 0.1; done; echo moored`], async () => {
      const id = send(hub, ["harbour"], TWO_STEPS);
      await page.goto(`/commands/${id}?step=1`);
      await expect(page.getByRole("log")).toContainText("under way");
      await expect(page.getByRole("button", { name: "1. prepare: Success" })).toBeVisible();
      await expect(page.getByRole("button", { name: "2. serve: Running" })).toBeVisible();
      expect(existsSync(`${folder}/gate`)).toBe(false);
      writeFileSync(`${folder}/gate`, "");
      await expect(page.getByRole("log")).toContainText("moored");
      await expect(page.getByRole("button", { name: "2. serve: Success" })).toBeVisible();
      await ended(hub, id);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what differs from most outputs is shown line by line, in words too", async ({ page, hub }) => {
  const folder = mkdtempSync(join(tmpdir(), "roadstead-e2e-differ-"));
  try {
    const id = await ran(hub, ["harbour", "lighthouse"], `seq 20; if mkdir ${folder}/only-one 2>/dev/null; then echo ebb; else echo flow; fi`);
    await page.goto(`/commands/${id}?tab=outputs`);
    await page.getByRole("button", { name: "Show what differs" }).click();
    const difference = page.getByRole("region", { name: "What differs in: Standard output" });
    await expect(difference).toContainText(/Removed: - (ebb|flow)/);
    await expect(difference).toContainText(/Added: \+ (ebb|flow)/);
    await expect(difference).toContainText("17 equal lines");
    await expect(page.getByText("1 line added, 1 line removed.")).toBeVisible();
    await expectAccessible(page);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the nodes of a command are downloaded for a spreadsheet, and nothing in it is computed", async ({ page, hub }) => {
  const id = await ran(hub, ["harbour", "lighthouse"], "echo '=HYPERLINK(1)'");
  await page.goto(`/commands/${id}`);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download as CSV" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe(`command-${id}.csv`);
  const lines = readFileSync(await file.path(), "utf8").split("\r\n");
  expect(lines[0]).toMatch(/^\uFEFF"Node","Name","Status","Exit code"/);
  expect(lines.filter((line) => /^"mi-[^"]+","(harbour|lighthouse)","Success",0,/.test(line))).toHaveLength(2);
  expect(lines.join("")).toContain(`"'=HYPERLINK(1)`);
});

test("outputs are searched across nodes, and what is looked for stands in the address", async ({ page, hub }) => {
  const folder = mkdtempSync(join(tmpdir(), "roadstead-e2e-search-"));
  try {
    const id = await ran(hub, ["harbour", "lighthouse"], `echo all calm; if mkdir ${folder}/only-one 2>/dev/null; then echo Reef ahead >&2; fi`);
    await page.goto(`/commands/${id}`);
    await page.getByRole("tab", { name: "Search in outputs" }).click();
    await expect(page.getByText("Nothing is searched for yet")).toBeVisible();
    await expectAccessible(page);

    const total = page.getByRole("status");
    await page.getByRole("searchbox", { name: "Text" }).fill("reef");
    await page.keyboard.press("Enter");
    await expect(page.getByText("No node wrote that")).toBeVisible();
    await expect(total.filter({ hasText: "0 nodes have such a line, of 2 searched." })).toBeVisible();
    await choose(page.getByRole("checkbox", { name: "Ignore case" }));
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await expect(total.filter({ hasText: "1 node has such a line, of 2 searched." })).toBeVisible();
    await expect(page).toHaveURL(/find=reef&nocase=1/);
    await page.reload();
    await expect(total.filter({ hasText: "1 node has such a line, of 2 searched." })).toBeVisible();
    await expectAccessible(page);

    await choose(page.getByRole("checkbox", { name: "Nodes without it" }));
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await expect(total.filter({ hasText: "1 node has no such line, of 2 searched." })).toBeVisible();

    await page.goto(`/commands/${id}?tab=search&find=%5ERe%2Bf&regex=1`);
    await page.getByRole("link", { name: "Standard error, line 1" }).click();
    await expect(page.getByRole("region", { name: "Standard error" })).toHaveText("Reef ahead");
    await page.getByRole("tab", { name: "Search in outputs" }).click();
    await expect(page.getByRole("searchbox", { name: "Text" })).toHaveValue("^Re+f");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
