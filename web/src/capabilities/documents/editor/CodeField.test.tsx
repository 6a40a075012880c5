import { fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import { CodeField } from "./CodeField";

function Editor({ start }: { start: string }) {
  const [value, setValue] = useState(start);
  return <CodeField label="Text" value={value} format="YAML" type="Command" problems={[]} handle={() => {}} onChange={setValue} />;
}

/** The text field with the cursor at its end. */
function edit(start: string): HTMLTextAreaElement {
  render(<Editor start={start} />);
  const field = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Text" });
  field.focus();
  field.setSelectionRange(start.length, start.length);
  return field;
}

function type(field: HTMLTextAreaElement, letters: string): void {
  for (const letter of letters) {
    field.setRangeText(letter, field.selectionStart, field.selectionEnd, "end");
    fireEvent(field, new InputEvent("input", { bubbles: true, inputType: "insertText", data: letter }));
  }
}

const options = () => screen.queryAllByRole("option").map((option) => option.textContent);

beforeEach(() => {
  // A page without a canvas measures nothing; where the list stands is not what is tested here.
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
});

it("proposes while one types, and Enter takes what the arrows chose", () => {
  const field = edit("mainSteps:\n  - action: ");
  type(field, "docu");
  expect(options()).toEqual(["aws:runDocument"]);
  expect(field.getAttribute("aria-activedescendant")).toBe(screen.getByRole("option", { selected: true }).id);
  fireEvent.keyDown(field, { key: "Enter" });
  expect(field.value).toBe("mainSteps:\n  - action: aws:runDocument");
  expect(options()).toEqual([]);
});

it("proposes on Ctrl-Space, and Escape puts it away", () => {
  const field = edit("parameters:\n  who:\n    type: ");
  expect(options()).toEqual([]);
  fireEvent.keyDown(field, { key: " ", ctrlKey: true });
  expect(options()[0]).toBe("String");
  fireEvent.keyDown(field, { key: "ArrowUp" });
  expect(screen.getByRole("option", { selected: true }).textContent).toBe("StringMap");
  fireEvent.keyDown(field, { key: "Escape" });
  expect(options()).toEqual([]);
});

it("leaves Enter and Tab alone where nothing is chosen, and an input method its keys", () => {
  const field = edit("mainSteps:\n  - name: greet");
  expect(fireEvent.keyDown(field, { key: "Tab" })).toBe(true);
  fireEvent.keyDown(field, { key: "Enter" });
  expect(field.value).toBe("mainSteps:\n  - name: greet\n    ");
  type(field, "a");
  expect(options().length).toBeGreaterThan(0);
  expect(fireEvent.keyDown(field, { key: "Enter", isComposing: true })).toBe(true);
});
