/**
 * The keys of lists: they move the focus itself, so that whoever hears the page is told the row and Enter works as on any link.
 * A list is a table of the component library, or whatever carries `data-rows`; what Enter opens is the row's `data-row-open`,
 * else the link in its name, else its first button.
 */

const LISTS = "main table[role] > tbody, main [data-rows]";
const SELECTORS = 'input[type="checkbox"], input[type="radio"]';

/** Moves to the next or previous row; from outside a list to the first row of the first list. Says whether there was a row. */
export function moveRow(step: 1 | -1): boolean {
  const current = currentRow();
  const rows = current ? rowsOf(current.parentElement) : firstRows();
  const at = current ? rows.indexOf(current) : -1;
  const next = rows[at === -1 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
  if (!next) return false;
  focusOf(next).focus({ preventScroll: true });
  next.scrollIntoView?.({ block: "nearest" });
  return true;
}

/** Chooses the row with the focus, or unchooses it. */
export function toggleRow(): boolean {
  const box = currentRow()?.querySelector<HTMLInputElement>(SELECTORS);
  if (!box || box.disabled) return false;
  box.click();
  return true;
}

/** Opens the row with the focus, unless the focus is on something that Enter presses anyway. */
export function openRow(): boolean {
  const row = currentRow();
  const isOnPressable = document.activeElement?.matches("a[href], button, [role=button]");
  if (!row || isOnPressable) return false;
  const target = openerOf(row);
  (target ?? row).click();
  return target !== undefined;
}

function currentRow(): HTMLElement | undefined {
  const active = document.activeElement;
  const list = active?.closest(LISTS);
  if (!active || !list) return undefined;
  return rowsOf(list).find((row) => row.contains(active));
}

function firstRows(): HTMLElement[] {
  for (const list of document.querySelectorAll(LISTS)) {
    const rows = rowsOf(list);
    if (rows.length > 0) return rows;
  }
  return [];
}

/** A table without items has one row that spans all columns, which is none. */
function rowsOf(list: Element | null): HTMLElement[] {
  if (!list) return [];
  const rows = [...list.children].filter((row): row is HTMLElement => row instanceof HTMLElement && row.getClientRects().length > 0);
  return rows.filter((row) => row.tagName !== "TR" || row.children.length > 1);
}

function openerOf(row: HTMLElement): HTMLElement | undefined {
  const ways = ["[data-row-open] a[href], [data-row-open] button", 'th[scope="row"] a[href], [data-row-name] a[href]', "a[href]", "td button"];
  for (const way of ways) {
    const found = row.querySelector<HTMLElement>(way);
    if (found) return found;
  }
  return undefined;
}

function focusOf(row: HTMLElement): HTMLElement {
  const opener = openerOf(row) ?? row.querySelector<HTMLElement>(SELECTORS);
  if (opener) return opener;
  row.tabIndex = -1;
  return row;
}
