import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { choose, expect, expectAccessible, test } from "../fixtures";

test("a parameter is created, shown, given a next version, compared, labelled and deleted", async ({ page }) => {
  await page.goto("/parameters/new");
  await page.getByLabel("Name").fill("/e2e/site/host");
  await page.getByRole("textbox", { name: "Value" }).fill("one.example");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "/e2e/site/host" })).toBeVisible();
  await expect(page.getByRole("region", { name: "the value" })).toHaveText("one.example");
  await page.getByRole("link", { name: "New version" }).click();
  await expect(page.getByRole("textbox", { name: "Value" })).toHaveValue("one.example");
  await page.getByRole("textbox", { name: "Value" }).fill("two.example");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "the value" })).toHaveText("two.example");
  await page.getByRole("tab", { name: "Versions" }).click();
  await page.getByRole("button", { name: "Put a label on version 1" }).click();
  await page.getByLabel("Label", { exact: true }).fill("prod");
  await page.getByRole("button", { name: "Put the label" }).click();
  await expect(page.getByRole("button", { name: "Take prod off version 1" })).toBeVisible();
  await expect(page.getByRole("dialog")).toBeHidden();
  await choose(page.getByRole("checkbox", { name: "Select 1" }));
  await choose(page.getByRole("checkbox", { name: "Select 2" }));
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("region", { name: "Compare" })).toContainText("- one.example");
  await expect(page.getByRole("region", { name: "Compare" })).toContainText("+ two.example");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("/e2e/site/host");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Parameters" })).toBeVisible();
});

test("the list is filtered by path, and the filter is in the address", async ({ page, hub }) => {
  for (const name of ["/e2e/a/1", "/e2e/a/2", "/e2e/b/3"]) hub.api("AmazonSSM.PutParameter", { Name: name, Value: "x", Type: "String" });
  await page.goto("/parameters");
  await page.getByRole("link", { name: "Everything below /e2e/a" }).first().click();
  await expect(page).toHaveURL(/filter=path/);
  await expect(page.getByRole("link", { name: "/e2e/a/2", exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name: "/e2e/b/3", exact: true })).toBeHidden();
  await page.reload();
  await expect(page.getByRole("link", { name: "/e2e/a/1", exact: true })).toBeVisible();
  await expectAccessible(page);
});

test("a secret is shown only on demand, and its key can be rotated", async ({ page, hub }) => {
  hub.api("AmazonSSM.PutParameter", { Name: "/e2e/secret", Value: "open sesame", Type: "SecureString" });
  await page.goto("/parameters/at?name=%2Fe2e%2Fsecret");
  await expect(page.getByText("This is a secret")).toBeVisible();
  await expect(page.getByText("open sesame")).toBeHidden();
  await page.getByRole("button", { name: "Show the secret" }).click();
  await expect(page.getByRole("region", { name: "the value" })).toHaveText("open sesame");
  await page.getByRole("button", { name: "Hide" }).click();
  await expect(page.getByText("open sesame")).toBeHidden();
  await expectAccessible(page);
  await page.goto("/secret-keys");
  await choose(page.getByRole("radio", { name: "Select alias/aws/ssm" }));
  await page.getByRole("button", { name: "Rotate", exact: true }).click();
  await expect(page.getByText("alias/aws/ssm has a new version")).toBeVisible();
  await expectAccessible(page);
});

test("a rule gives a node a path, and node and parameter show who has what", async ({ page, hub }) => {
  hub.api("AmazonSSM.PutParameter", { Name: "/e2e/node/host", Value: "db1", Type: "String" });
  const agent = await hub.join("reader");
  const node = await agent.node();
  const template = join(agent.data, "in");
  const target = join(agent.data, "out");
  writeFileSync(template, "host={{ /e2e/node/host }}\n");
  writeFileSync(join(agent.data, "parameters.yaml"), JSON.stringify({ paths: ["/e2e/node"], files: [{ template, target }] }));

  await page.goto("/parameter-rules");
  await expect(page.getByText("Without a rule no node reads any parameter.")).toBeVisible();
  await page.getByRole("button", { name: "Create a rule" }).click();
  const dialog = page.getByRole("dialog");
  await expectAccessible(page);
  await dialog.getByLabel("Name", { exact: true }).fill("e2e");
  await dialog.getByLabel("Path").fill("/e2e/node");
  await dialog.getByLabel("Node ids").fill(node);
  await dialog.getByRole("button", { name: "Save the rule" }).click();
  await expect(page.getByRole("cell", { name: "/e2e/node" })).toBeVisible();
  await expectAccessible(page);

  await page.goto(`/nodes/${node}?tab=parameters`);
  await expect(page.getByText("e2e: /e2e/node, without secrets")).toBeVisible();
  await expect(page.getByRole("link", { name: "/e2e/node/host" })).toBeVisible({ timeout: 40_000 });
  await expect(page.getByText("Up to date")).toBeVisible({ timeout: 40_000 });
  await expectAccessible(page);
  await page.getByRole("link", { name: "/e2e/node/host" }).click();
  await expect(page.getByRole("link", { name: "reader" })).toBeVisible();
  await expect(page.getByText(target)).toBeVisible();
  await expectAccessible(page);

  await page.goto("/parameter-rules");
  await choose(page.getByRole("radio", { name: "Select e2e" }));
  await page.getByRole("button", { name: "Edit" }).click();
  await choose(page.getByRole("dialog").getByLabel("Give secrets in the clear"));
  await page.getByRole("dialog").getByRole("button", { name: "Save the rule" }).click();
  await expect(page.getByText("Given in the clear")).toBeVisible();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("e2e");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Without a rule no node reads any parameter.")).toBeVisible();
  await page.goto(`/nodes/${node}?tab=parameters`);
  await expect(page.getByText("This node has no parameters")).toBeVisible({ timeout: 40_000 });
  hub.cli("node", "remove", node, "--yes");
});

test("a parameter's page names the documents that read it", async ({ page, hub }) => {
  hub.api("AmazonSSM.PutParameter", { Name: "/e2e/reads/host", Value: "db", Type: "String" });
  await page.goto("/parameters/at?name=/e2e/reads/host&tab=documents");
  await expect(page.getByText("No document reads it")).toBeVisible();
  const content = {
    schemaVersion: "2.2",
    mainSteps: [{ action: "aws:runShellScript", name: "ask", inputs: { runCommand: ["ping -c1 '{{ssm:/e2e/reads/host}}'"] } }],
  };
  hub.api("AmazonSSM.CreateDocument", { Name: "E2E-Reader", Content: JSON.stringify(content), DocumentType: "Command" });
  await page.reload();
  await expect(page.getByRole("cell", { name: "{{ssm:/e2e/reads/host}}" })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "E2E-Reader" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "E2E-Reader" })).toBeVisible();
});
