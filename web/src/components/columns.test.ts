import { expect, it } from "vitest";
import { displayOf, fitted, widthsOf } from "./columns";

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

const WIDE = [{ id: "name", width: 140 }, { id: "text", width: 600 }, { id: "count", width: 100 }, { id: "hidden", width: 500 }];
const SHOWN = WIDE.map(({ id }) => ({ id, visible: id !== "hidden" }));
const shownWidths = (room: number) => {
  const widths = fitted(WIDE, SHOWN, room);
  return SHOWN.filter(({ visible }) => visible).map(({ id }) => widths.get(id));
};

it("lets wide columns give way, and none below what its words need", () => {
  expect(shownWidths(2000)).toEqual([140, 600, 100]);
  expect(shownWidths(700)).toEqual([125, 350, 100]);
});

it("keeps the widths where nothing would make them fit, but for room for a second column", () => {
  expect(shownWidths(600)).toEqual([140, 300, 100]);
  expect(shownWidths(290)).toEqual([140, 145, 100]);
});
