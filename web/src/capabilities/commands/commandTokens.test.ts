import { expect, it } from "vitest";
import { filterFromText, filterToText } from "@/platform/filter";
import { commandFilters, lastOfEach } from "./commandTokens";

const NOW = Date.parse("2026-03-02T12:00:00.500Z");

it("becomes upstream's filters", () => {
  expect(commandFilters(filterFromText("status=inprogress document_name=AWS-RunShellScript requested_date_time>=24h requested_date_time<=2026-03-02"), NOW)).toEqual([
    { key: "Status", value: "InProgress" },
    { key: "DocumentName", value: "AWS-RunShellScript" },
    { key: "InvokedAfter", value: "2026-03-01T12:00:00Z" },
    { key: "InvokedBefore", value: "2026-03-02T00:00:00Z" },
  ]);
});

it("keeps of each the last, and leaves out nothing that was asked for", () => {
  expect(filterToText(lastOfEach(filterFromText("status=Failed uptime status=Success name=x")))).toBe("status=Success uptime name=x");
});

it.each([
  ["bogus=1", "`bogus=1`: commands are searched by status, document_name, requested_date_time, and by no words"],
  ["uptime", "`uptime`: commands are searched by"],
  ["status!=Failed", "`status!=Failed`: use `status` with ="],
  ["requested_date_time=1h", "use `requested_date_time` with >= or <="],
  ["status=Failed or status=Success document_name=x", "leave out `or`"],
])("refuses %s", (text, message) => {
  expect(() => commandFilters(filterFromText(text), NOW)).toThrow(message);
});
