import { expect, test } from "vitest";
import { type CsvColumn, csvTime, toCsv } from "./csv";

const ONE: CsvColumn<string | number | undefined>[] = [{ header: "text", cell: (row) => row }];

function cellOf(value: string | number | undefined): string {
  return toCsv(ONE, [value]).replace('\uFEFF"text"\r\n', "").replace(/\r\n$/, "");
}

test("a spreadsheet knows the coding, the columns and the rows", () => {
  const columns: CsvColumn<{ name: string; code: number }>[] = [
    { header: "Node", cell: ({ name }) => name },
    { header: "Exit code", cell: ({ code }) => code },
  ];
  expect(toCsv(columns, [{ name: "港", code: 0 }])).toBe('\uFEFF"Node","Exit code"\r\n"港",0\r\n');
});

test("quotes, commas and breaks stay within their cell", () => {
  expect(cellOf('say "hi", twice\nand go')).toBe('"say ""hi"", twice\nand go"');
});

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", " =1", "＝1", "＠x"])("%j is not computed", (text) => {
  expect(cellOf(text)).toBe(`"'${text}"`);
});

test("what only contains such a sign stays as it is", () => {
  expect(cellOf("a=1")).toBe('"a=1"');
  expect(cellOf(-1)).toBe("-1");
  expect(cellOf(undefined)).toBe("");
});

test("a text that no cell can hold is cut", () => {
  expect(cellOf("x".repeat(40_000))).toHaveLength(32_002);
});

test("times are as spreadsheets read them", () => {
  expect(csvTime(0.25)).toBe("1970-01-01 00:00:00");
  expect(csvTime(undefined)).toBe("");
});
