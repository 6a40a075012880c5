import { asUser, choose, clear, expect, expectAccessible, test } from "../fixtures";

const PASSWORD_OF_ANN = "a long password for one";

test("a user is created, may only look, is narrowed, and is deleted by name", async ({ page, hub, browser }) => {
  await page.goto("/users");
  await page.getByRole("button", { name: "Create a user" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("User name").fill("ann");
  await dialog.getByLabel("Password").fill(PASSWORD_OF_ANN);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Create a user" }).click();
  await expect(page.getByRole("button", { name: "ann", exact: true })).toBeVisible();

  const other = await asUser(browser, hub, "ann", PASSWORD_OF_ANN);
  await other.goto("/nodes");
  await expect(other.getByRole("link", { name: "harbour" })).toBeVisible();
  await choose(other.getByRole("checkbox", { name: "Select harbour" }));
  await expect(other.getByRole("button", { name: "Run a command" })).toBeDisabled();
  await other.goto("/users");
  await expect(other.getByText("AccessDeniedException")).toBeVisible();

  await page.getByRole("button", { name: "ann", exact: true }).click();
  await dialog.getByRole("button", { name: /Narrowed to/ }).click();
  await dialog.getByLabel("Nodes with these tags").fill("env=nowhere");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("env=nowhere")).toBeVisible();
  await expect(dialog).toBeHidden();
  await other.goto("/nodes");
  // The list has answered, and it is empty.
  await expect(other.getByText("No nodes yet").first()).toBeVisible();
  await expect(other.getByRole("link", { name: "harbour" })).toBeHidden();
  await other.context().close();

  await choose(page.getByRole("radio", { name: "Select ann" }));
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("textbox").fill("ann");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("User ann was deleted")).toBeVisible();
});

test("a policy is written as a form, read as JSON, and makes a role", async ({ page, hub }) => {
  await page.goto("/policies/new");
  await page.getByLabel("Policy", { exact: true }).fill("shells-in-test");
  await page.getByRole("textbox", { name: "Actions" }).fill("ssm:StartSession\nssm:TerminateSession");
  await page.getByLabel("With tags").fill("env=test|dev");
  await expectAccessible(page);
  await page.getByRole("tab", { name: "JSON" }).click();
  await expect(page.getByRole("textbox", { name: "JSON" })).toHaveValue(/"ssm:StartSession"[^]*"Values": \[\s*"test",\s*"dev"/);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("link", { name: "shells-in-test" })).toBeVisible();
  const stored = hub.api<{ Document: { Statements: { Actions: string[] }[] } }>("Roadstead.GetPolicy", { PolicyName: "shells-in-test" });
  expect(stored.Document.Statements[0]?.Actions).toEqual(["ssm:StartSession", "ssm:TerminateSession"]);

  await page.goto("/roles");
  await page.getByRole("button", { name: "Create a role" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Role", { exact: true }).fill("tester");
  await dialog.getByRole("button", { name: /Policies/ }).click();
  await page.getByRole("option", { name: /shells-in-test/ }).click();
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Create a role" }).click();
  await expect(page.getByText("Role tester was saved")).toBeVisible();
  await expect(page.getByRole("row", { name: /tester/ }).getByRole("link", { name: "shells-in-test" })).toBeVisible();
  await expect(dialog).toBeHidden();
  await page.getByRole("button", { name: "tester" }).click();
  await expect(page.getByRole("dialog", { name: "Role tester" })).toBeVisible();
});

test("what the logins of a role must bring is set, changed and lifted", async ({ page, hub }) => {
  const ofPatcher = () =>
    hub.api<{ LoginRules: { Role: string }[] }>("Roadstead.ListLoginRules").LoginRules.find(({ Role }) => Role === "patcher");
  await page.goto("/login-rules");
  await expect(page.getByText("No rules are set").first()).toBeVisible();
  await page.getByRole("button", { name: "Set a rule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "A role" }).click();
  await dialog.getByRole("button", { name: "Role", exact: true }).click();
  await page.getByRole("option", { name: "patcher" }).click();
  await dialog.getByRole("button", { name: "Set a rule" }).click();
  await expect(dialog.getByText("At least one demand is needed").first()).toBeVisible();
  await choose(dialog.getByRole("checkbox", { name: "Second factor" }));
  await choose(dialog.getByRole("checkbox", { name: "Proof before root" }));
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Set a rule" }).click();
  const row = page.getByRole("row", { name: /patcher/ });
  await expect(row.getByRole("cell", { name: "Demanded" })).toHaveCount(2);
  await expect(dialog).toBeHidden();
  expect(ofPatcher()).toMatchObject({ RequireSecondFactor: true, RequireRecoveryCodes: false, StepUpForShell: false, StepUpForRoot: true });

  await page.getByRole("button", { name: "patcher" }).click();
  await clear(dialog.getByRole("checkbox", { name: "Proof before root" }));
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(row.getByRole("cell", { name: "Demanded" })).toHaveCount(1);
  await expect(dialog).toBeHidden();
  await choose(page.getByRole("radio", { name: "Select patcher" }));
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("textbox").fill("patcher");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("The login rule for patcher was taken away")).toBeVisible();
  await expect(page.getByText("No rules are set").first()).toBeVisible();
  expect(ofPatcher()).toMatchObject({ RequireSecondFactor: false, RequireRecoveryCodes: false, StepUpForShell: false, StepUpForRoot: false });
});

test("an IAM policy is translated, and what cannot be is named", async ({ page }) => {
  await page.goto("/policies/new?from=iam");
  const iam = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: ["ssm:StartSession", "ssm:CreateAssociation"], Resource: "*" },
      { Effect: "Allow", Action: ["ssm:SendCommand"], Resource: "*", Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } } },
    ],
  };
  await page.getByRole("textbox", { name: "IAM policy" }).fill(JSON.stringify(iam));
  await page.getByRole("button", { name: "Translate" }).click();
  await expect(page.getByText(/elements? cannot be translated/).first()).toBeVisible();
  await page.getByRole("textbox", { name: "IAM policy" }).fill(JSON.stringify({ ...iam, Statement: [iam.Statement[0]] }));
  await page.getByRole("button", { name: "Translate" }).click();
  await expect(page.getByText("this hub has no `ssm:CreateAssociation`")).toBeVisible();
  await page.getByRole("button", { name: "Go on with it in the form" }).click();
  await expect(page.getByRole("textbox", { name: "Actions" })).toHaveValue(/ssm:StartSession/);
});

test("a word that there is not is refused with the one that was meant", async ({ context }) => {
  // A page of its own: the browser counts a refusal as an error.
  const page = await context.newPage();
  await page.goto("/policies/new");
  await page.getByLabel("Policy", { exact: true }).fill("slip");
  await page.getByRole("textbox", { name: "Actions" }).fill("ssm:StartSesion");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("did you mean `ssm:StartSession`?")).toBeVisible();
  await page.getByRole("textbox", { name: "Actions" }).fill("ssm:StartSession\nssm:CreateAssociation");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("this hub has no `ssm:CreateAssociation`")).toBeVisible();
  await page.goto("/policies/slip");
  await expect(page.getByText("1 element has no effect on this hub")).toBeVisible();
  await expectAccessible(page);

  await page.goto("/who-may?action=ssm:SendComand&kind=node");
  await expect(page.getByText("did you mean `ssm:SendCommand`?")).toBeVisible();
  await page.getByRole("combobox", { name: "Action" }).fill("GetParametersBy");
  await page.getByRole("option", { name: "ssm:GetParametersByPath" }).click();
  await expect(page.getByRole("combobox", { name: "Action" })).toHaveValue("ssm:GetParametersByPath");
});

test("a group follows its filter", async ({ page }) => {
  await page.goto("/groups");
  await page.getByRole("button", { name: "Create a group" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Group", { exact: true }).fill("lights");
  const filter = dialog.getByRole("combobox", { name: /filter/i });
  await filter.fill("light");
  await filter.press("Enter");
  await dialog.getByRole("button", { name: "Create a group" }).click();
  await expect(page.getByText("Group lights was saved")).toBeVisible();
  await expect(page.getByRole("row", { name: /lights/ })).toContainText("1");
});

test("the page says who may do something, and why", async ({ page }) => {
  await page.goto("/who-may");
  await page.getByRole("combobox", { name: "Action" }).fill("ssm:StartSession");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Ask" }).click();
  await expect(page.getByText("Allowed").first()).toBeVisible();
  await page.getByRole("link", { name: "admin" }).click();
  await expect(page.getByRole("heading", { name: "Verdict for admin" })).toBeVisible();
  await expect(page.getByText("Everything").first()).toBeVisible();
  await expectAccessible(page);
});
