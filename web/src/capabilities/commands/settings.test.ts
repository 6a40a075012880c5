import { expect, it } from "vitest";
import { settingItems } from "./settings";
import type { Translator } from "./texts";

const t = ((key: string) => key) as Translator;

it("tells only what was set of a command's processes, zero among it", () => {
  expect(settingItems(undefined, t)).toEqual([]);
  expect(settingItems({ Nice: 0, MemoryMiB: 64, Environment: { A: "b c", B: "" } }, t)).toEqual([
    { label: "memory", value: "64 MiB" },
    { label: "nice", value: "0" },
    { label: "environment", value: "A=b c, B=" },
  ]);
});
