import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choose, expect, expectAccessible, test } from "../fixtures";

test("a command is sent with a log group in the console, and its lines are found, filtered and followed", async ({ page, hub }) => {
  await page.goto("/commands/new");
  await page.getByRole("button", { name: /Find nodes by name/ }).or(page.getByRole("combobox", { name: /Find nodes by name/ })).first().click();
  for (const name of ["harbour", "lighthouse"]) await page.getByRole("option", { name: new RegExp(name) }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Script").fill("echo ERROR: 錨 dragged; echo all calm; echo aground >&2");
  await choose(page.getByRole("checkbox", { name: "Show the output as a log group, too" }));
  await page.getByLabel("Log group", { exact: true }).fill("fleet logs");
  await expect(page.getByText("A name has up to 512 letters, digits, and . _ - / #")).toBeVisible();
  await page.getByLabel("Log group", { exact: true }).fill("fleet/night#1");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("fleet/night#1")).toBeVisible();
  await page.getByRole("button", { name: "Run on 2 nodes" }).click();
  await expect(page.getByText("Success").first()).toBeVisible();

  await page.getByRole("link", { name: "fleet/night#1" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "fleet/night#1" })).toBeVisible();
  const lines = page.getByRole("log");
  await expect(lines.getByText("ERROR: 錨 dragged")).toHaveCount(2);
  await expect(lines.getByText("aground")).toHaveCount(2);
  await expect(page.getByRole("status").filter({ hasText: "6 lines" })).toBeVisible();
  await expectAccessible(page);

  await page.getByLabel("Text in the line").fill("ERROR -calm");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status").filter({ hasText: "2 lines" })).toBeVisible();
  await expect(page).toHaveURL(/pattern=ERROR\+-calm/);
  await page.getByLabel("Text in the line").fill("no such words");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await expect(page.getByText("No lines found")).toBeVisible();

  // A second command comes while the group is followed; the first one's prefix would hide it.
  await page.getByLabel("Text in the line").fill("ERROR");
  await page.getByLabel("Streams that begin with").fill("");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status").filter({ hasText: "2 lines" })).toBeVisible();
  await choose(page.getByRole("checkbox", { name: "Follow" }).or(page.getByRole("switch", { name: "Follow" })));
  await expect(page.getByText("New lines appear here as nodes write them")).toBeVisible();
  await hub.runLogged(["harbour"], "echo ERROR: again; echo quiet", "fleet/night#1");
  await expect(lines.getByText("ERROR: again")).toBeVisible();
  await expect(lines.getByText("quiet")).toBeHidden();
  await expect(page.getByRole("status").filter({ hasText: "3 lines" })).toBeVisible();
  await expectAccessible(page);
  await lines.getByRole("link", { name: "harbour" }).last().click();
  await expect(page.getByRole("heading", { level: 1, name: "harbour" })).toBeVisible();
});

test("a command's lines are followed while it runs", async ({ page, hub }) => {
  const folder = mkdtempSync(join(tmpdir(), "roadstead-e2e-logs-"));
  try {
    const { Nodes } = hub.api<{ Nodes: { NodeId: string; Name: string }[] }>("Roadstead.SearchNodes");
    hub.api("AmazonSSM.SendCommand", {
      DocumentName: "AWS-RunShellScript",
      InstanceIds: Nodes.filter(({ Name }) => Name === "harbour").map(({ NodeId }) => NodeId),
      Parameters: { commands: [`echo weighed anchor; while [ -d ${folder} ] && [ ! -e ${folder}/on ]; do sleep 0.1; done; echo at sea; while [ -d ${folder} ]; do sleep 0.1; done`] },
      CloudWatchOutputConfig: { CloudWatchOutputEnabled: true, CloudWatchLogGroupName: "fleet/under-way" },
    });
    await page.goto("/logs");
    await page.getByRole("link", { name: "fleet/under-way" }).click();
    await choose(page.getByRole("checkbox", { name: "Follow" }).or(page.getByRole("switch", { name: "Follow" })));
    await expect(page.getByText("weighed anchor")).toBeVisible();
    writeFileSync(`${folder}/on`, "");
    await expect(page.getByText("at sea")).toBeVisible();
    await expect(page.getByText("weighed anchor")).toHaveCount(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a command that is run again keeps its log group", async ({ page, hub }) => {
  const id = await hub.runLogged(["harbour"], "echo once", "kept/group");
  await page.goto(`/commands/${id}`);
  await page.getByRole("button", { name: "Run again" }).click();
  await page.getByRole("menuitem", { name: "On all its nodes" }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(page.getByRole("link", { name: "kept/group" })).toBeVisible();
  await expect(page.getByText("Success").first()).toBeVisible();
  await page.getByRole("link", { name: "kept/group" }).click();
  await expect(page.getByRole("log").getByText("once")).toHaveCount(1);
});

test("the lines of a group are read on, and its streams listed", async ({ page, hub }) => {
  await hub.runLogged(["lighthouse"], "seq -f 'wave %03g' 1 250", "watch");
  await page.goto("/logs");
  await page.getByRole("link", { name: "watch", exact: true }).click();
  await expect(page.getByText("wave 200")).toBeVisible();
  await expect(page.getByText("wave 201")).toBeHidden();
  await page.getByRole("button", { name: "Show more" }).click();
  await expect(page.getByText("wave 250")).toBeVisible();
  await page.getByRole("tab", { name: "Streams" }).click();
  await expect(page.getByRole("link", { name: /^aws-runShellScript stdout/ })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel("Streams that begin with").fill("nothing/like/this");
  await page.keyboard.press("Enter");
  await expect(page.getByText("No stream begins like that.")).toBeVisible();
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await expect(page.getByRole("link", { name: /^aws-runShellScript stdout/ })).toBeVisible();
});

test("a stream is read from both ends, and leads to its node and command", async ({ page, hub }) => {
  const id = await hub.runLogged(["lighthouse"], "seq -f 'swell %03g' 1 250", "swells");
  await page.goto("/logs/at?group=swells&tab=streams");
  await page.getByRole("link", { name: /^aws-runShellScript stdout/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: "lighthouse · aws-runShellScript · stdout" })).toBeVisible();
  await expect(page.getByText("swell 001")).toBeVisible();
  await expect(page.getByText("Here the stream begins.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Later lines" }).click();
  await expect(page.getByText("swell 250")).toBeVisible();
  await expect(page.getByText("No further lines so far.")).toBeVisible();
  await page.getByRole("button", { name: "From the end" }).click();
  await expect(page.getByText("swell 250")).toBeVisible();
  await expect(page.getByText("swell 050")).toBeHidden();
  await page.getByRole("button", { name: "Earlier lines" }).click();
  await expect(page.getByText("swell 001")).toBeVisible();
  await page.getByRole("link", { name: id }).click();
  await expect(page).toHaveURL(new RegExp(`/commands/${id}\\?node=`));
  await expect(page.getByText("swell 001").first()).toBeVisible();
});

test("a group that nothing was written to yet says so", async ({ page, hub }) => {
  await hub.runLogged(["harbour"], "true", "calm");
  await page.goto("/logs/at?group=calm");
  await expect(page.getByText("Nothing has been written yet")).toBeVisible();
  await expect(page.getByRole("button", { name: "Search all that is kept" })).toBeHidden();
  await expectAccessible(page);
});

test("log groups are found by part and beginning of their names", async ({ page, hub }) => {
  await hub.runLogged(["harbour"], "echo a", "pier/one");
  await hub.runLogged(["harbour"], "echo b");
  await page.goto("/logs?filter=name%5Epier%2F");
  await expect(page.getByRole("link", { name: "pier/one" })).toBeVisible();
  await expect(page.getByRole("link", { name: "/aws/ssm/AWS-RunShellScript" })).toBeHidden();
  await page.goto("/logs");
  await page.getByRole("combobox", { name: "Find log groups" }).fill("RunShell");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "/aws/ssm/AWS-RunShellScript" })).toBeVisible();
  await expect(page.getByRole("link", { name: "pier/one" })).toBeHidden();
  await expect(page).toHaveURL(/filter=RunShell/);
  await page.goto("/logs/at?group=nowhere");
  await expect(page.getByText("There is no such log group")).toBeVisible();
});

test("a pattern that is not known is told in the hub's words", async ({ browser, hub, login }) => {
  await hub.runLogged(["harbour"], "echo x", "odd");
  // Its own page: the browser's console tells of a refusal, as it should.
  const context = await browser.newContext({ storageState: login, baseURL: hub.url, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(`/logs/at?group=odd&pattern=${encodeURIComponent("{ $.a = 1 }")}`);
  await expect(page.getByText("The search was refused")).toBeVisible();
  await expect(page.getByText(/patterns over JSON, columns and regular expressions are not known here/)).toBeVisible();
  await expectAccessible(page);
  await context.close();
});
