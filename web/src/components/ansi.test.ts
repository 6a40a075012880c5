import { describe, expect, it } from "vitest";
import { AnsiStripper } from "./ansi";

describe("escape sequences", () => {
  it.each<[string[], string]>([
    [["\x1b[31mred\x1b[0m"], "red"],
    [["a\x1b[3", "1mb"], "ab"],
    [["a\x1b", "[Kb"], "ab"],
    [["\x1b]0;title\x07x"], "x"],
    [["plain"], "plain"],
  ])("%j reads %s", (pieces, text) => {
    const stripper = new AnsiStripper();
    expect(pieces.map((piece) => stripper.strip(piece)).join("")).toBe(text);
  });
});
