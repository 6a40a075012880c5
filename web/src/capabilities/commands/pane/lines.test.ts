import { expect, it } from "vitest";
import { KEPT_MOST, LINE_MOST, LineCutter, NOTHING_KEPT, type PaneLine, append, cameSince, matcher, visible } from "./lines";

const lines = (count: number, from = 0): PaneLine[] => Array.from({ length: count }, (_, at) => ({ nodeId: "mi-1", step: 0, stream: "stdout", text: `${from + at}` }));
const texts = ({ blocks }: typeof NOTHING_KEPT) => blocks.flatMap((block) => block.lines.map(({ text }) => text));

it("keeps lines in the order in which they came and draws only the last block again", () => {
  const first = append(NOTHING_KEPT, lines(150));
  const then = append(first, lines(20, 150));
  expect(texts(then)).toEqual(lines(170).map(({ text }) => text));
  expect(then.blocks[0]).toBe(first.blocks[0]);
  expect(then.blocks[1]?.id).toBe(first.blocks[1]?.id);
  expect(then.dropped).toBe(0);
});

it("never keeps more than the cap, and counts what went", () => {
  let kept = NOTHING_KEPT;
  for (let at = 0; at < 90; at++) kept = append(kept, lines(77, at * 77));
  expect(kept.count).toBeLessThanOrEqual(KEPT_MOST);
  expect(kept.count).toBeGreaterThan(KEPT_MOST - 200);
  expect(texts(kept)).toHaveLength(kept.count);
  expect(kept.dropped + kept.count).toBe(90 * 77);
  expect(texts(kept).at(-1)).toBe(`${90 * 77 - 1}`);
});

it("bears a flood at once", () => {
  const kept = append(append(NOTHING_KEPT, lines(10)), lines(3 * KEPT_MOST, 10));
  expect(kept.count).toBeLessThanOrEqual(KEPT_MOST);
  expect(kept.count + kept.dropped).toBe(3 * KEPT_MOST + 10);
});

it("says how many lines came while it was paused, also when the cap has dropped some", () => {
  const before = append(NOTHING_KEPT, lines(10));
  expect(cameSince(before, append(before, lines(KEPT_MOST + 5)))).toBe(KEPT_MOST + 5);
  expect(cameSince(before, before)).toBe(0);
});

it("joins lines over pieces and holds one back until it ends", () => {
  const cutter = new LineCutter();
  expect(cutter.take("one\ntw")).toEqual(["one"]);
  expect(cutter.take("o\r\n\nth")).toEqual(["two", ""]);
  expect(cutter.rest()).toEqual(["th"]);
  expect(cutter.rest()).toEqual([]);
});

it("cuts a line that never ends", () => {
  const cutter = new LineCutter();
  const got = [...cutter.take("x".repeat(LINE_MOST * 2 + 10)), ...cutter.take(`${"y".repeat(LINE_MOST + 3)}\n`)];
  expect(got.every((line) => line.length <= LINE_MOST)).toBe(true);
  expect(got.join("")).toBe("x".repeat(LINE_MOST * 2 + 10) + "y".repeat(LINE_MOST + 3));
});

it("drops colours, also cut between pieces, and shows every other control", () => {
  const cutter = new LineCutter();
  expect([...cutter.take("\x1b[3"), ...cutter.take("1mred\x1b[0m\n")]).toEqual(["red"]);
  expect(visible("10%\r20%\tx\u0007\u202egnp.exe\u0085")).toBe("10%\\x0d20%\tx\\x07\\u{202e}gnp.exe\\x85");
  expect(visible("<b>漢字</b>")).toBe("<b>漢字</b>");
});

const line = (nodeId: string, text: string): PaneLine => ({ nodeId, step: 0, stream: "stdout", text });
const nameOf = (id: string) => (id === "mi-1" ? "Harbour" : "lighthouse");

it("filters by a part of a line or of the node's name, without regard to case", () => {
  expect(matcher(" ERR ", nameOf)(line("mi-2", "an error"))).toBe(true);
  expect(matcher("harb", nameOf)(line("mi-1", "calm"))).toBe(true);
  expect(matcher("harb", nameOf)(line("mi-2", "calm"))).toBe(false);
  expect(matcher("  ", nameOf)(line("mi-2", "calm"))).toBe(true);
});
