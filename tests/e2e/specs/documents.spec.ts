import { choose, expect, expectAccessible, test } from "../fixtures";
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
  const at = await content.evaluate((area) => (area as HTMLTextAreaElement).selectionStart);
  expect(good.slice(0, at).split("\n")).toHaveLength(11);
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
  await expect(changes).toContainText('-         - echo "hello {{ name }}"');
  await expectAccessible(page);

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill(NAME);
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(/\/documents$/);
});

test("versions, sharing, reviews and tags of a document", async ({ page, hub }) => {
  write(hub);
  await page.goto(`/documents/at/${NAME}?tab=versions`);
  await choose(page.getByRole("checkbox", { name: "Select 2" }));
  await page.getByRole("button", { name: "Make it the default" }).click();
  await expect(page.getByText("Version 2 is the default now")).toBeVisible();
  await page.getByRole("checkbox", { name: "Select 2" }).uncheck({ force: true });
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
  await expect(page.getByRole("row", { name: /123456789012/ })).toBeVisible();
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
