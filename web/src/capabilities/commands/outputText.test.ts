import { describe, expect, it } from "vitest";
import { NOTHING_SHOWN, append, bytesFromBase64 } from "./outputText";

describe("shown output", () => {
  it("grows its last chunk", () => {
    const shown = append(append(NOTHING_SHOWN, "ab"), "cd");
    expect(shown.chunks).toEqual([{ id: 1, text: "abcd" }]);
  });

  it("drops the oldest beyond the limit and counts it", () => {
    let shown = NOTHING_SHOWN;
    for (let turn = 0; turn < 10; turn++) shown = append(shown, "x".repeat(30_000), 100_000);
    const left = shown.chunks.reduce((sum, chunk) => sum + chunk.text.length, 0);
    expect(left).toBeLessThanOrEqual(100_000);
    expect(left + shown.dropped).toBe(300_000);
  });
});

it("reads base64 as bytes", () => {
  expect([...bytesFromBase64("4oKs/w==")]).toEqual([0xe2, 0x82, 0xac, 0xff]);
});
