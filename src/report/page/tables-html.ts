/**
 * @file Tables of the page as HTML. They are whole without the script, which only adds sorting and copying.
 */
import { formatMicroseconds } from '../../units.ts';
import { roughSize } from './axes.ts';
import { escapeHtml } from './escape.ts';
import type { LosingBand, MatrixModel, PageModel, RegretModel, Section, Verdict } from './model.ts';
import { type Cell, type TableModel, tableOf } from './table.ts';

const MARKS: Readonly<Record<Verdict, string>> = {
  faster: ' <span class="mark faster">▼ faster</span>',
  slower: ' <span class="mark slower">▲ slower</span>',
  same: '',
  unknown: ' <span class="mark">no spread</span>',
};

/** The numbers of a section, folded away. */
export function sectionTable(section: Section, sets: readonly string[]): string {
  const table = tableOf(section, sets);
  return `<details class="data"><summary>Table: ${table.rows.length} rows</summary>
${sortable(table, `${section.id}-table`, section.title)}</details>`;
}

/** A table that the script makes sortable, with a button that copies it. */
export function sortable({ columns, rows }: TableModel, id: string, caption: string): string {
  const heads = columns.map(
    ({ head, number }) =>
      `<th scope="col" aria-sort="none"${number ? ' class="n"' : ''}><button type="button" class="sort">${escapeHtml(head)}</button></th>`,
  );
  const cell = ({ text, value, mark }: Cell, i: number): string => {
    const own = text === String(value) ? '' : ` data-v="${escapeHtml(String(value))}"`;
    const marked = mark === undefined ? '' : MARKS[mark];
    return `<td${columns[i]!.number ? ' class="n"' : ''}${own}>${escapeHtml(text)}${marked}</td>`;
  };
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return `<div class="tools"><button type="button" class="copy" data-table="${id}">Copy as CSV</button></div>
<textarea class="csv" readonly hidden rows="6" aria-label="${escapeHtml(caption)} as CSV"></textarea>
<div class="scroll" role="region" aria-label="${escapeHtml(caption)}, table" tabindex="0"><table id="${id}"><caption class="hidden">${escapeHtml(caption)}</caption>
<thead><tr>${heads.join('')}</tr></thead><tbody>
${body}
</tbody></table></div>`;
}

/** One line a section: its algorithms by size. */
export function glanceTable({ sections }: PageModel): string {
  const rows = sections.map(({ id, title, ribbons, series }) => {
    const words = ribbons.map(({ name, ranges }) => {
      const steps: string[] = [];
      let before: string | undefined;
      for (const { from, algorithm } of ranges) {
        if (algorithm === before) continue;
        steps.push(
          `${before === undefined ? '' : `<span class="at">${roughSize(from)}</span> `}${escapeHtml(algorithm)}`,
        );
        before = algorithm;
      }
      return `${ribbons.length > 1 ? `<span class="at">${escapeHtml(name)}:</span> ` : ''}${steps.join(' → ')}`;
    });
    const only = series.map(({ label }) => escapeHtml(label)).join(', ');
    return `<tr><th scope="row"><a href="#${id}">${escapeHtml(title)}</a></th><td>${words.join('<br>') || only}</td></tr>`;
  });
  return table('Fastest, by size', ['of', 'algorithms from the smallest size to the largest'], rows);
}

export function matrixTable({ title, rows }: MatrixModel): string {
  const heads = rows.map((_, i) => `to ${i}`);
  const body = rows.map(
    (row, i) =>
      `<tr><th scope="row">from ${i}</th>${row.map((value) => `<td class="n">${value ?? '-'}</td>`).join('')}</tr>`,
  );
  return `<details class="data"><summary>Table</summary>${table(title, ['', ...heads], body)}</details>`;
}

/** What plans say of their regret at held-out sizes, and how far each is behind its own candidates. */
export function regretTables({ regret, sections, sets }: PageModel): string {
  const rows = sections.flatMap(({ title, id, sweepLosses }) =>
    sweepLosses.map(({ plan, mean, worst, bytes, chosen, best, within, count }) => {
      const where =
        worst === 0
          ? 'never behind'
          : `${roughSize(bytes)}: ${escapeHtml(chosen)}, fastest ${escapeHtml(best)}${within ? ' (within the spreads)' : ''}`;
      const whose = sets.length > 1 ? `, ${escapeHtml(plan)}` : '';
      return `<tr><th scope="row"><a href="#${id}">${escapeHtml(title)}</a>${whose}</th><td class="n">${percent(mean)}</td><td class="n">${percent(worst)}</td><td class="n">${count}</td><td>${where}</td></tr>`;
    }),
  );
  const heads = ['of', 'mean, %', 'worst, %', 'sizes', 'where it was worst'];
  const behind =
    rows.length === 0
      ? ''
      : `<p>At the sizes of the sweep itself, the choice against the fastest candidate:</p>${table('Behind the fastest candidate, in the sweep', heads, rows)}`;
  return regret.map((one) => heldOut(one, sets.length > 1 ? sets[one.set]!.name : '')).join('') + behind;
}

function heldOut({ mean, worst, count, worstAt }: RegretModel, set: string): string {
  const whose = set === '' ? '' : `${escapeHtml(set)}: `;
  const { key, bytes, chosen, best } = worstAt;
  const where =
    worst > 0
      ? `, at ${roughSize(bytes)} of ${escapeHtml(key)}: it took ${escapeHtml(chosen)}, ${escapeHtml(best)} was fastest`
      : '';
  return `<p>${whose}At ${count} sizes that were not in the sweep, the plan's choice is behind the fastest by <strong>${percent(mean)} %</strong> in the mean and <strong>${percent(worst)} %</strong> at worst${where}.</p>`;
}

export function lossTable(losses: readonly LosingBand[], caption: string): string {
  const heads = ['from', 'to', 'picked', 'faster', 'lost, us an operation', 'lost, %'];
  const rows = losses.map(
    ({ from, to, picks, better, us, percent: share }) =>
      `<tr><td class="n">${roughSize(from)}</td><td class="n">${to === null ? 'no end' : roughSize(to)}</td><td>${escapeHtml(picks)}</td><td>${escapeHtml(better)}</td><td class="n">${escapeHtml(formatMicroseconds(us))}</td><td class="n">${share.toFixed(1)}</td></tr>`,
  );
  return table(caption, heads, rows);
}

function table(caption: string, heads: readonly string[], rows: readonly string[]): string {
  const head = heads.map((text) => (text === '' ? '<td></td>' : `<th scope="col">${escapeHtml(text)}</th>`));
  return `<div class="scroll" role="region" aria-label="${escapeHtml(caption)}, table" tabindex="0"><table><caption class="hidden">${escapeHtml(caption)}</caption><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function percent(share: number): string {
  return (share * 100).toFixed(1);
}
