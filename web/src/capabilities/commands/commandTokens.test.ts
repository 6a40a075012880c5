import { expect, it } from "vitest";
import { filterFromText, filterToText } from "@/platform/filter";
import { commandFilters, searchable } from "./commandTokens";

const NOW = Date.parse("2026-03-02T12:00:00.500Z");

it("becomes upstream's filters", () => {
  expect(commandFilters(filterFromText("status=inprogress document_name=AWS-RunShellScript requested_date_time>=24h requested_date_time<=2026-03-02"), NOW)).toEqual([
    { key: "Status", value: "InProgress" },
    { key: "DocumentName", value: "AWS-RunShellScript" },
    { key: "InvokedAfter", value: "2026-03-01T12:00:00Z" },
    { key: "InvokedBefore", value: "2026-03-02T00:00:00Z" },
  ]);
});

it("keeps what can be searched for, and of each the last", () => {
  expect(filterToText(searchable(filterFromText("status=Failed uptime status=Success name=x requested_date_time=1h")))).toBe("status=Success");
});
