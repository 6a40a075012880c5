/** Rows for a spreadsheet: RFC 4180 with a byte order mark, without which spreadsheets do not take it for UTF-8. */

export type CsvCell = string | number | undefined;

export interface CsvColumn<T> {
  header: string;
  cell: (row: T) => CsvCell;
}

const BYTE_ORDER_MARK = "\uFEFF";
/** Spreadsheets take no longer cell; longer text would run over into others. */
const CELL_MOST = 32_000;
/** What a spreadsheet takes for the beginning of a formula, the wide forms too; it may skip blanks and breaks in front. */
const FORMULA = /^[\s\p{Cc}]*[=+\-@＝＋－＠]/u;

export function toCsv<T>(columns: readonly CsvColumn<T>[], rows: readonly T[]): string {
  const lines = [columns.map(({ header }) => header), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  return BYTE_ORDER_MARK + lines.map((cells) => cells.map(quoted).join(",") + "\r\n").join("");
}

/** Nodes write what they like: a text that would be computed gets an apostrophe. A number is computed already. */
function quoted(cell: CsvCell): string {
  if (cell === undefined) return "";
  if (typeof cell === "number") return String(cell);
  const defused = FORMULA.test(cell) ? `'${cell}` : cell;
  return `"${defused.slice(0, CELL_MOST).replaceAll('"', '""')}"`;
}

/** Spreadsheets read it as a point in time, which they do not with ISO's letters. */
export function csvTime(at: number | undefined): string {
  return at === undefined ? "" : new Date(at * 1000).toISOString().replace("T", " ").slice(0, 19);
}
