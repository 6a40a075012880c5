import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { ChoiceField } from "./ChoiceField";

it("has one label, in a row of buttons as well as in the list that stands for it where there is no room", () => {
  render(<ChoiceField label="Effect" selectedId="a" options={[{ id: "a", text: "Allow" }, { id: "d", text: "Deny" }]} />);
  expect(screen.getAllByText("Effect")).toHaveLength(1);
  expect(screen.getByRole("toolbar", { name: "Effect" })).toBeTruthy();
  expect(screen.getByRole("button", { name: /Effect.*Allow/ })).toBeTruthy();
});
