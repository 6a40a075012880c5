import { expect, it } from "vitest";
import { type PaletteEntry, matching } from "./entries";

const entry = (text: string, path: string): PaletteEntry => ({ id: path, group: "g", text, path });
const ENTRIES = [entry("Join a node", "/join"), entry("Nodes", "/nodes"), entry("コマンド履歴", "/commands")];

it("wants every word and puts what starts so first", () => {
  expect(matching(ENTRIES, "node").map(({ path }) => path)).toEqual(["/nodes", "/join"]);
  expect(matching(ENTRIES, "a join").map(({ path }) => path)).toEqual(["/join"]);
});

it("finds a page by its English address in any language", () => {
  expect(matching(ENTRIES, "commands").map(({ text }) => text)).toEqual(["コマンド履歴"]);
});

it("offers everything when nothing is typed", () => {
  expect(matching(ENTRIES, " ")).toHaveLength(3);
});
