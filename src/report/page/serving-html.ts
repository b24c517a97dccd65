/**
 * @file Sections of serving as HTML, and their numbers as tables.
 */
import { escapeHtml } from './escape.ts';
import type { ServingModel, ServingQuantity } from './model.ts';
import { SERVING_NAMES } from './serving.ts';
import type { Cell, TableModel } from './table.ts';
import { sortable } from './tables-html.ts';
import { swatch } from './tooltips.ts';

export const SERVING_QUANTITIES: readonly ServingQuantity[] = ['ttft', 'tpot'];

export function servingHtml(model: ServingModel, index: number): string {
  const { id, title, about, summary, variants } = model;
  const buttons = variants.map(
    ({ name, style }) =>
      `<button type="button" class="curve" aria-pressed="true" data-curve="${escapeHtml(name)}" data-style="${style}" data-set="0">${swatch(style, 0, { theme: 'light', sets: 1 })}<span>${escapeHtml(name)}</span></button>`,
  );
  const table = tableOf(model);
  return `<section id="${id}" aria-labelledby="${id}-title" data-serving="${index}">
<h2 id="${id}-title">${escapeHtml(title)}</h2>
<p class="lead">${escapeHtml(about)}; one run each. Solid lines are medians, dashed lines 99th percentiles.</p>
<ul class="summary" id="${id}-summary">${summary.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>
<div class="tools legend"><div class="group" role="group" aria-label="Variants of ${escapeHtml(title)}">${buttons.join('')}</div></div>
<div class="charts two">${SERVING_QUANTITIES.map((quantity) => figure(model, quantity)).join('')}</div>
<details class="data"><summary>Table: ${table.rows.length} rows</summary>
${sortable(table, `${id}-table`, title)}</details>
</section>`;
}

function figure({ id, title }: ServingModel, quantity: ServingQuantity): string {
  const head = SERVING_NAMES[quantity];
  const label = escapeHtml(`${head}: ${title}. Arrow keys move along rates and read them out.`);
  return `<figure><figcaption><h3 id="${id}-${quantity}-head">${head}</h3></figcaption><div class="chart" id="${id}-${quantity}" data-chart="${quantity}" tabindex="0" role="application" aria-roledescription="chart" aria-label="${label}" aria-describedby="${id}-summary"></div></figure>`;
}

/** Columns of serving engines' benchmarks: what is served, then TTFT, TPOT and ITL. */
const COLUMNS = [
  ['completed', 'requests'],
  ['request_throughput', 'requests/s'],
  ['output_throughput', 'output tokens/s'],
  ['total_token_throughput', 'tokens/s'],
  ['mean_ttft_ms', 'mean TTFT, ms'],
  ['median_ttft_ms', 'median TTFT, ms'],
  ['p99_ttft_ms', 'p99 TTFT, ms'],
  ['mean_tpot_ms', 'mean TPOT, ms'],
  ['median_tpot_ms', 'median TPOT, ms'],
  ['p99_tpot_ms', 'p99 TPOT, ms'],
  ['mean_itl_ms', 'mean ITL, ms'],
  ['median_itl_ms', 'median ITL, ms'],
  ['p99_itl_ms', 'p99 ITL, ms'],
] as const;

function tableOf({ variants }: ServingModel): TableModel {
  const rows = variants.flatMap(({ points }) => points).sort((a, b) => a.request_rate - b.request_rate);
  return {
    columns: [
      { head: 'rate, requests/s', number: true },
      { head: 'variant', number: false },
      ...COLUMNS.map(([, head]) => ({ head, number: true })),
    ],
    rows: rows.map((row): Cell[] => [
      { text: String(row.request_rate), value: row.request_rate },
      { text: row.variant, value: row.variant },
      ...COLUMNS.map(([field]): Cell => {
        const value = row[field];
        if (value === null) return { text: '', value: '' };
        const short = Number(value.toPrecision(4));
        return { text: String(short), value: short };
      }),
    ]),
  };
}
