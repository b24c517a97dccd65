/**
 * @file Tables that are sorted by their heads and copied as CSV.
 */

/** Sorts by a column, the other way round when asked again. */
export function makeSortable(table: HTMLTableElement, announce: (words: string) => void): void {
  const heads = [...table.querySelectorAll<HTMLTableCellElement>('th[aria-sort]')];
  for (const [column, head] of heads.entries()) {
    head.querySelector('button')?.addEventListener('click', () => {
      const ascending = head.getAttribute('aria-sort') !== 'ascending';
      for (const other of heads) other.setAttribute('aria-sort', 'none');
      head.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      sortRows(table, column, ascending);
      announce(`Sorted by ${head.textContent}, ${ascending ? 'ascending' : 'descending'}`);
    });
  }
}

function sortRows(table: HTMLTableElement, column: number, ascending: boolean): void {
  const body = table.tBodies[0];
  if (body === undefined) return;
  const rows = [...body.rows].map((row) => ({ row, value: valueIn(row.cells[column]) }));
  rows.sort((a, b) => {
    // What is not known stays at the end, whichever way.
    if (a.value === '' || b.value === '') return Number(a.value === '') - Number(b.value === '');
    return (ascending ? 1 : -1) * compare(a.value, b.value);
  });
  body.append(...rows.map(({ row }) => row));
}

function compare(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : a > b ? 1 : 0) : x - y;
}

function valueIn(cell: HTMLTableCellElement | undefined): string {
  return cell?.dataset.v ?? cell?.textContent?.trim() ?? '';
}

/** The rows as they are sorted now, as RFC 4180 has it. */
export function csvOf(table: HTMLTableElement): string {
  const rows = [...table.rows].map((row) => [...row.cells].map((cell) => quoted(valueIn(cell))).join(','));
  return `${rows.join('\r\n')}\r\n`;
}

function quoted(text: string): string {
  // Spreadsheets run what begins like a formula; a number may begin with a minus.
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Copies, or where the browser refuses shows the text, marked, to be copied by hand. */
export function makeCopyable(button: HTMLButtonElement, announce: (words: string) => void): void {
  const table = document.getElementById(button.dataset.table ?? '');
  const area = button.closest('details')?.querySelector<HTMLTextAreaElement>('textarea.csv');
  if (!(table instanceof HTMLTableElement) || !area) return;
  button.addEventListener('click', async () => {
    const text = csvOf(table);
    const copied = await copy(text);
    area.hidden = copied;
    if (!copied) {
      area.value = text;
      area.focus();
      area.select();
    }
    const words = copied ? 'Copied' : 'Press Ctrl+C to copy';
    button.textContent = words;
    announce(words);
    window.setTimeout(() => {
      button.textContent = 'Copy as CSV';
    }, 2500);
  });
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
