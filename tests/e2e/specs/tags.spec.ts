import { choose, expect, expectAccessible, test } from "../fixtures";

test("resources of every kind are tagged together, with a preview, and the change is taken back", async ({ page, hub }) => {
  for (const name of ["/e2e-tags/a", "/e2e-tags/b"]) hub.api("AmazonSSM.PutParameter", { Name: name, Value: "x", Type: "String" });
  hub.api("AmazonSSM.AddTagsToResource", { ResourceType: "Parameter", ResourceId: "/e2e-tags/a", Tags: [{ Key: "stage", Value: "test" }] });
  const tagsOf = (name: string) =>
    hub.api<{ TagList: { Key: string; Value: string }[] }>("AmazonSSM.ListTagsForResource", { ResourceType: "Parameter", ResourceId: name }).TagList;
  await page.goto("/tags?filter=id%5E%2Fe2e-tags");
  await expect(page.getByRole("link", { name: "/e2e-tags/a" })).toBeVisible();
  await expectAccessible(page);
  await choose(page.getByRole("checkbox", { name: "Select /e2e-tags/a" }));
  await page.getByRole("button", { name: "Choose all 2 that match" }).click();
  await page.getByRole("button", { name: "Edit tags of 2 resources" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Key" }).fill("stage");
  await dialog.getByRole("combobox", { name: "Value" }).fill("prod");
  await expect(dialog.getByText("2 resources would change")).toBeVisible();
  await expect(dialog.getByText("new on 1 · other value on 1 · was test (1)")).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Change 2 resources" }).click();
  await expect(dialog.getByText("2 resources were changed")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("stage=prod")).toHaveCount(2);

  await page.getByRole("button", { name: "Undo the last tagging" }).click();
  await expect(dialog.getByText("2 resources get the tags they had.")).toBeVisible();
  await dialog.getByRole("button", { name: "Undo on 2 resources" }).click();
  await expect(dialog.getByText("2 resources were changed")).toBeVisible();
  expect(tagsOf("/e2e-tags/a")).toEqual([{ Key: "stage", Value: "test" }]);
  expect(tagsOf("/e2e-tags/b")).toEqual([]);
});

test("a rule shows what breaks it", async ({ page, hub }) => {
  hub.api("AmazonSSM.PutParameter", { Name: "/e2e-rules/a", Value: "x", Type: "String" });
  await page.goto("/tag-rules");
  await page.getByRole("button", { name: "Make a rule" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Tag key" }).fill("e2e-owner");
  await dialog.getByRole("textbox", { name: "Allowed values" }).fill("web\ndb");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The rule on e2e-owner is saved")).toBeVisible();
  await expectAccessible(page);
  await page.goto("/tags?filter=rule%3Dbroken%20id%5E%2Fe2e-rules");
  await expect(page.getByText("Missing: e2e-owner")).toBeVisible();
  await expectAccessible(page);
  await page.goto("/tag-rules");
  await choose(page.getByRole("radio", { name: "Select e2e-owner" }));
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("The rule on e2e-owner is deleted")).toBeVisible();
});
