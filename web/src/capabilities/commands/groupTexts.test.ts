import { afterEach, expect, test, vi } from "vitest";
import { groupTexts } from "./groupTexts";

afterEach(() => vi.unstubAllGlobals());

const step = (Name: string, part: object = {}) => ({ Name, StatusDetails: "Success", Stdout: `${Name}\n`, Stderr: "", Message: "", Truncated: false, ...part });
const group = (...Steps: ReturnType<typeof step>[]) => ({ OutputHash: "h", StatusDetails: "Success", ExitCode: 0, Count: 2, NodeIds: ["mi-1", "mi-2"], Stdout: "", Stderr: "", Steps, Truncated: true });
const { signal } = new AbortController();

test("a short output is compared as the group has it, with what there is to say about it", async () => {
  const fetched = vi.fn();
  vi.stubGlobal("fetch", fetched);
  expect(await groupTexts("c", group(step("one", { Stdout: "\u001b[1mhead\u001b[0m\n", Stderr: "oh\n" }), step("two", { Stderr: "oh\n", Message: "left out" })), signal)).toEqual([
    { name: "one", stdout: "head\n", stderr: "oh\n", isCut: false },
    { name: "two", stdout: "two\n", stderr: "oh\nleft out", isCut: false },
  ]);
  expect(fetched).not.toHaveBeenCalled();
});

test.each([
  [10, false],
  [11, true],
])("of a longer step more is read; with %i stored bytes it is cut: %j", async (StoredBytes, isCut) => {
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    const { NodeId, Step, Stream } = JSON.parse(String(init.body)) as { NodeId: string; Step: number; Stream: string };
    return Response.json({ Text: `${NodeId} ${Step} ${Stream}`, NextOffset: 10, StoredBytes });
  });
  expect((await groupTexts("c", group(step("one"), step("two", { Truncated: true })), signal))[1]).toEqual({ name: "two", stdout: "mi-1 1 stdout", stderr: "mi-1 1 stderr", isCut });
});
