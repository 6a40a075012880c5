import { act, fireEvent, render, screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import { moveRow, openRow, toggleRow } from "./rowKeys";

// The test's document lays nothing out; a row counts as visible when it has a box.
beforeEach(() => {
  vi.spyOn(Element.prototype, "getClientRects").mockReturnValue([{}] as unknown as DOMRectList);
});

function List({ onCheck, onOpen }: { onCheck?: (name: string) => void; onOpen?: (name: string) => void }) {
  return (
    <main>
      <button>before</button>
      {/* oxlint-disable-next-line jsx-a11y/no-redundant-roles -- as the component library draws it */}
      <table role="table">
        <tbody>
          {["a", "b"].map((name) => (
            <tr key={name}>
              <td>
                <input type="checkbox" aria-label={`select ${name}`} onChange={() => onCheck?.(name)} />
              </td>
              <th scope="row">
                <a href={`#${name}`} onClick={() => onOpen?.(name)}>
                  {name}
                </a>
              </th>
            </tr>
          ))}
        </tbody>
      </table>
    </main>
  );
}

const focused = () => document.activeElement?.textContent;

it("walks through the rows and stops at both ends", () => {
  render(<List />);
  expect(moveRow(1)).toBe(true);
  expect(focused()).toBe("a");
  moveRow(1);
  moveRow(1);
  expect(focused()).toBe("b");
  moveRow(-1);
  moveRow(-1);
  expect(focused()).toBe("a");
});

it("chooses the row with the focus, and nothing when none has it", () => {
  const onCheck = vi.fn();
  render(<List onCheck={onCheck} />);
  screen.getByText("before").focus();
  expect(toggleRow()).toBe(false);
  moveRow(1);
  act(() => void toggleRow());
  expect(onCheck).toHaveBeenCalledExactlyOnceWith("a");
});

it("opens from the checkbox, and leaves Enter on a link to the browser", () => {
  const onOpen = vi.fn();
  render(<List onOpen={onOpen} />);
  screen.getByLabelText("select b").focus();
  expect(openRow()).toBe(true);
  expect(onOpen).toHaveBeenCalledExactlyOnceWith("b");
  moveRow(1);
  expect(openRow()).toBe(false);
});

it("does not take the one row of an empty table for an item", () => {
  render(
    <main>
      {/* oxlint-disable-next-line jsx-a11y/no-redundant-roles -- as the component library draws it */}
      <table role="table">
        <tbody>
          <tr>
            <td colSpan={2}>nothing here</td>
          </tr>
        </tbody>
      </table>
    </main>,
  );
  fireEvent.keyDown(document.body, { key: "j" });
  expect(moveRow(1)).toBe(false);
});
