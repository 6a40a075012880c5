import { afterEach, expect, test, vi } from "vitest";
import { toCsv } from "@/components/csv";
import { allInvocations, csvColumns } from "./invocationsCsv";

afterEach(() => vi.unstubAllGlobals());

const share = (NodeId: string) => ({ NodeId, Name: `name of ${NodeId}`, Status: "Success", StatusDetails: "Success", ExitCode: 0, StartedAt: 0, EndedAt: 1, Message: "", StdoutBytes: 1, StderrBytes: 0 });
const details = (InstanceId: string, ...outputs: string[]) => ({ InstanceId, CommandPlugins: outputs.map((Output) => ({ Output })) });

/** Two pages of each of the two lists. */
function answer(): Record<string, unknown>[] {
  const asked: Record<string, unknown>[] = [];
  const pages: Record<string, object> = {
    "Roadstead.SearchInvocations": { Invocations: [share("mi-1")], NextToken: "more" },
    "Roadstead.SearchInvocations more": { Invocations: [share("mi-2")] },
    "AmazonSSM.ListCommandInvocations": { CommandInvocations: [details("mi-2", "=1+1")], NextToken: "more" },
    "AmazonSSM.ListCommandInvocations more": { CommandInvocations: [details("mi-1", "\u001b[1mone\u001b[0m", "", "two")] },
  };
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    const body = JSON.parse(String(init.body)) as { NextToken?: string };
    const target = new Headers(init.headers).get("x-amz-target") ?? "";
    asked.push({ target, ...body });
    return Response.json(pages[[target, body.NextToken].filter(Boolean).join(" ")]);
  });
  return asked;
}

test("all pages come with the beginnings of their outputs", async () => {
  answer();
  const rows = await allInvocations("c", [], new AbortController().signal);
  expect(rows.map(({ NodeId, output }) => [NodeId, output])).toEqual([
    ["mi-1", "one\ntwo"],
    ["mi-2", "=1+1"],
  ]);
  const names = ((key: string) => key) as Parameters<typeof csvColumns>[0];
  expect(toCsv(csvColumns(names), rows).split("\r\n")[2]).toBe(`"mi-2","name of mi-2","Success",0,"1970-01-01 00:00:00","1970-01-01 00:00:01","","'=1+1"`);
});

test("the file is filtered as the list is", async () => {
  const asked = answer();
  await allInvocations("c", ["Failed"], new AbortController().signal);
  expect(asked).toContainEqual(expect.objectContaining({ target: "Roadstead.SearchInvocations", Status: ["Failed"] }));
  expect(asked).toContainEqual(expect.objectContaining({ target: "AmazonSSM.ListCommandInvocations", Filters: [{ key: "Status", value: "Failed" }] }));
});
