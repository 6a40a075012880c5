import { choose, clear, expect, expectAccessible, test } from "../fixtures";
import type { Hub } from "../hub";

const NAME = "Greet-in-the-browser";

test.afterEach(({ hub }) => {
  const found = hub.api<{ DocumentIdentifiers: unknown[] }>("AmazonSSM.ListDocuments", { Filters: [{ Key: "Owner", Values: ["Self"] }] });
  if (found.DocumentIdentifiers.length > 0) hub.api("AmazonSSM.DeleteDocument", { Name: NAME });
});

/** A document of two versions; the second is the latest, the first the default. */
function write(hub: Hub): void {
  const content = (word: string) =>
    JSON.stringify({
      schemaVersion: "2.2",
      description: "Says a word",
      parameters: {
        who: { type: "String", description: "Who is greeted", interpolationType: "ENV_VAR" },
        mood: { type: "String", default: "glad", allowedValues: ["glad", "sad"], interpolationType: "ENV_VAR" },
      },
      mainSteps: [{ name: "greet", action: "aws:runShellScript", inputs: { runCommand: [`echo "${word} {{ who }}, {{ mood }}"`] } }],
    });
  hub.api("AmazonSSM.CreateDocument", { Name: NAME, Content: content("hello"), DocumentType: "Command", DocumentFormat: "JSON" });
  hub.api("AmazonSSM.UpdateDocument", { Name: NAME, Content: content("good morning"), DocumentFormat: "JSON", DocumentVersion: "$LATEST" });
}

test("the library is found by tokens that stand in the address", async ({ page }) => {
  await page.goto("/documents");
  const filter = page.getByRole("combobox", { name: "Filter documents" });
  await filter.fill("owner=Amazon");
  await filter.press("Enter");
  await expect(page).toHaveURL(/filter=owner%3DAmazon/);
  await expect(page.getByRole("link", { name: "AWS-RunShellScript" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Roadstead-SetHostsEntry" })).toBeHidden();
  await page.goto("/documents?filter=owner%3DThirdParty%20hosts%20document_type%3DCommand");
  await expect(page.getByRole("link", { name: "Roadstead-SetHostsEntry" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Roadstead-SetHostsEntry" }).click();
  await expect(page.getByRole("button", { name: "New version" })).toBeDisabled();
  await page.getByRole("tab", { name: "Parameters" }).click();
  await expect(page.getByRole("row", { name: /address/ })).toContainText("Must be given");
  await page.goto("/documents?filter=nothing-says-this");
  await expect(page.getByText("Nothing matches").first()).toBeVisible();
});

test("a document is written with the hub's judgement at hand, changed and compared", async ({ page }) => {
  await page.goto("/documents/new");
  const content = page.getByRole("textbox", { name: "Content of the document" });
  await expect(page.getByText("Nothing to complain about")).toBeVisible();
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();
  await page.getByLabel("Name", { exact: true }).fill(NAME);
  const good = await content.inputValue();
  await content.fill(good.replace("aws:runShellScript", "aws:runShelScript"));
  await expect(page.getByText("did you mean `aws:runShellScript`?")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: /^Line 11, column/ }).click();
  await expect(content).toBeFocused();
  const line = async () => good.slice(0, await content.evaluate((area) => (area as HTMLTextAreaElement).selectionStart)).split("\n").length;
  await expect.poll(line).toBe(11);
  await content.fill(`${good}  - name: [`);
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();
  await content.fill(good);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1, name: NAME })).toBeVisible();

  await page.getByRole("button", { name: "New version" }).click();
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();
  await content.fill(good.replace('echo "hello', 'echo "good morning'));
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(/version=2/);
  await page.getByRole("tab", { name: "Versions" }).click();
  await choose(page.getByRole("checkbox", { name: "Select 1" }));
  await choose(page.getByRole("checkbox", { name: "Select 2" }));
  await page.getByRole("button", { name: "Compare" }).click();
  const changes = page.getByRole("region", { name: "Version 1 against version 2" });
  await expect(changes).toContainText('+         - echo "good morning {{ name }}"');
  await expect(changes).toContainText("equal lines");
  await expect(changes).toContainText('-         - echo "hello {{ name }}"');
  await expectAccessible(page);

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill(NAME);
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(/\/documents$/);
});

test("the editor proposes what may stand at the cursor", async ({ page }) => {
  await page.goto("/documents/new");
  const content = page.getByRole("textbox", { name: "Content of the document" });
  const proposals = page.getByRole("listbox", { name: "Proposals" });
  await content.fill("schemaVersion: '2.2'\nparameters:\n  who:\n    type: String\nmainSteps:\n  - name: greet");
  await content.press("Enter");
  await content.pressSequentially("act");
  await expect(proposals.getByRole("option", { name: "action" })).toHaveAttribute("aria-selected", "true");
  await expectAccessible(page);
  await content.press("Enter");
  // Its value comes next, and Enter would still be a new line.
  await expect(proposals.getByRole("option", { selected: true })).toHaveCount(0);
  await content.pressSequentially("shell");
  await content.press("Tab");
  await expect(content).toHaveValue(/- name: greet\n {4}action: aws:runShellScript$/);
  await content.press("Enter");
  await content.press("Control+Space");
  await proposals.getByRole("option", { name: /^inputs/ }).click();
  await expect(content).toBeFocused();
  await content.press("Control+Space");
  await expect(proposals.getByRole("option").first()).toContainText("runCommand");
  await content.press("Enter");
  await content.pressSequentially('echo "{{ ');
  await expect(proposals.getByRole("option")).toHaveText(["who"]);
  await content.press("ArrowDown");
  await content.press("Enter");
  await expect(content).toHaveValue(/inputs:\n {6}runCommand:\n {8}- echo "\{\{ who \}\}$/);
  await content.pressSequentially('"');
  await expect(page.getByText("Nothing to complain about").or(page.getByRole("button", { name: /^Line/ })).first()).toBeVisible();
  await content.press("Control+z");
  await content.press("Control+Space");
  await content.press("Escape");
  await expect(proposals).toBeHidden();
});

test("what is being written is tested on one node", async ({ page, hub }) => {
  await page.goto("/documents/new");
  await page.getByLabel("Name", { exact: true }).fill(NAME);
  await page.getByRole("button", { name: "Test on one node" }).click();
  const run = page.getByRole("button", { name: "Create and run" });
  await run.click();
  await expect(page.getByText("Choose a node first").first()).toBeVisible();
  await page.getByRole("button", { name: /^Node/ }).click();
  await page.getByRole("option", { name: /harbour/ }).click();
  await run.click();
  // Nothing runs before its parameters were seen.
  await expect(page.getByText("Version 1 is saved and has not run yet. New in the form: name.").first()).toBeVisible();
  await page.getByLabel("name", { exact: true }).fill("lighthouse");
  await page.getByRole("button", { name: "Run version 1" }).click();
  await expect(page.getByText("hello lighthouse").first()).toBeVisible();
  await expect(page.getByText("Success").first()).toBeVisible();
  await expectAccessible(page);

  // Closed and opened again, the panel has its run still.
  const panel = page.getByRole("button", { name: "Test on one node" });
  await panel.click();
  await expect(page.getByText("hello lighthouse").first()).toBeHidden();
  await panel.click();
  await expect(page.getByText("hello lighthouse").first()).toBeVisible();
  await expect(page.getByLabel("name", { exact: true })).toHaveValue("lighthouse");

  const content = page.getByRole("textbox", { name: "Content of the document" });
  await content.fill((await content.inputValue()).replace('echo "hello', 'echo "good morning'));
  await expect(page.getByText("The text has changed since.")).toBeVisible();
  await page.getByRole("button", { name: "Save and run" }).click();
  await expect(page.getByText("good morning lighthouse").first()).toBeVisible();
  const described = () => hub.api<{ Document: { DefaultVersion: string; LatestVersion: string } }>("AmazonSSM.DescribeDocument", { Name: NAME }).Document;
  expect(described()).toMatchObject({ DefaultVersion: "1", LatestVersion: "2" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page).toHaveURL(/version=2/);
  expect(described()).toMatchObject({ DefaultVersion: "2" });

  await page.getByRole("button", { name: "New version" }).click();
  await content.fill((await content.inputValue()).replace("Says hello", `Wishes well ${"and waves ".repeat(20)}`));
  await page.getByRole("button", { name: "What has changed since version 2" }).click();
  await expect(page.getByRole("region", { name: "What has changed since version 2" }).last()).toContainText("Wishes well");
  await expectAccessible(page);
  // Long lines scroll in their boxes, not with the page.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("button", { name: "Test on one node" }).click();
  await expect(page.getByRole("heading", { name: "Test on one node" })).toBeVisible();
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
});

test("versions, sharing, reviews and tags of a document", async ({ page, hub }) => {
  write(hub);
  await page.goto(`/documents/at/${NAME}?tab=versions`);
  await choose(page.getByRole("checkbox", { name: "Select 2" }));
  await page.getByRole("button", { name: "Make it the default" }).click();
  await expect(page.getByText("Version 2 is the default now")).toBeVisible();
  await clear(page.getByRole("checkbox", { name: "Select 2" }));
  await choose(page.getByRole("checkbox", { name: "Select 1" }));
  await expectAccessible(page);
  await page.getByRole("tabpanel").getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("1");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText(`Version 1 of ${NAME} was deleted`)).toBeVisible();

  await page.getByRole("tab", { name: "Sharing" }).click();
  await page.getByRole("tabpanel").getByRole("button", { name: "Share" }).click();
  await dialog.getByLabel("Account").fill("12");
  await dialog.getByRole("button", { name: "Share", exact: true }).click();
  await expect(dialog.getByText("Twelve digits, or all").first()).toBeVisible();
  await dialog.getByLabel("Account").fill("123456789012");
  await dialog.getByRole("button", { name: "Share", exact: true }).click();
  await expect(page.getByRole("row", { name: /123456789012/ })).toContainText("The default");
  await expect(dialog).toBeHidden();
  await expectAccessible(page);
  await choose(page.getByRole("radio", { name: "Select 123456789012" }));
  await page.getByRole("button", { name: "Stop sharing" }).click();
  await expect(page.getByText("Shared with nobody").first()).toBeVisible();

  await page.getByRole("tab", { name: "Reviews" }).click();
  await page.getByRole("button", { name: "Send for review" }).click();
  await dialog.getByLabel("Comment").fill("have a look");
  await dialog.getByRole("button", { name: "Send for review" }).click();
  await page.getByRole("button", { name: "Approve" }).click();
  await dialog.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByRole("row", { name: /have a look/ })).toBeVisible();
  await expect(page.getByText("Approved").first()).toBeVisible();
  await expectAccessible(page);

  await page.getByRole("tab", { name: "Tags" }).click();
  await page.getByRole("button", { name: "Add a tag" }).click();
  await page.getByRole("tabpanel").getByRole("textbox").nth(0).fill("team");
  await page.getByRole("tabpanel").getByRole("textbox").nth(1).fill("harbour");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The tags are saved")).toBeVisible();
  await page.goto("/documents?filter=tag%3Ateam%3Dharbour");
  await expect(page.getByRole("link", { name: NAME })).toBeVisible();
});

test("a document runs with a form made of its parameters", async ({ page, hub }) => {
  write(hub);
  await page.goto(`/documents/at/${NAME}`);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("button", { name: /Find nodes by name/ }).or(page.getByRole("combobox", { name: /Find nodes by name/ })).first().click();
  await page.getByRole("option", { name: /harbour/ }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByLabel("who", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("A value is needed").first()).toBeVisible();
  await page.getByLabel("who", { exact: true }).fill("$(id) lighthouse");
  await page.getByRole("button", { name: "mood" }).click();
  await page.getByRole("option", { name: "sad" }).click();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByRole("region", { name: "who" })).toHaveText("$(id) lighthouse");
  await page.getByRole("button", { name: "Run on 1 node" }).click();
  await expect(page.getByRole("heading", { level: 1, name: NAME })).toBeVisible();
  await expect(page.getByText("hello $(id) lighthouse, sad").first()).toBeVisible();
  await page.getByRole("tab", { name: "Parameters" }).click();
  await expect(page.getByRole("region", { name: "mood" })).toHaveText("sad");
  await expectAccessible(page);
});
