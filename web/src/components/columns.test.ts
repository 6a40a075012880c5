import { expect, it } from "vitest";
import { displayOf, widthsOf } from "./columns";

const COLUMNS = [{ id: "name", isRowHeader: true }, { id: "status" }, { id: "kernel", isExtra: true }];

it("shows every column that is no extra until somebody chose", () => {
  expect(displayOf(COLUMNS, undefined)).toEqual([
    { id: "name", visible: true },
    { id: "status", visible: true },
    { id: "kernel", visible: false },
  ]);
});

it("keeps the chosen order, forgets columns that are gone, appends new ones and never hides the name", () => {
  const chosen = [
    { id: "gone", visible: true },
    { id: "status", visible: false },
    { id: "name", visible: false },
  ];
  expect(displayOf(COLUMNS, chosen)).toEqual([
    { id: "status", visible: false },
    { id: "name", visible: true },
    { id: "kernel", visible: false },
  ]);
});

it("remembers the widths of what is shown and leaves those of hidden columns", () => {
  const display = displayOf(COLUMNS, undefined);
  expect(widthsOf(display, [210.4, 120], { kernel: 90, status: 80 })).toEqual({ name: 210, status: 120, kernel: 90 });
});
