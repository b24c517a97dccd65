/**
 * @file What a hover shows, as HTML. Names come from files: all text is escaped.
 */
import type { TooltipComponentOption } from 'echarts/components';
import { escapeHtml } from './escape.ts';
import type { Look, Quantity } from './frame.ts';
import { type Section, sizesOf } from './model.ts';
import { curveStyle, INK } from './palette.ts';
import { readingsAt, sizeInWords } from './readings.ts';

/** Rows that fit beside a chart. */
const MOST_ROWS = 14;

/** At the nearest size, every curve that is shown. */
export function curvesTooltip(section: Section, quantity: Quantity, look: Look): TooltipComponentOption {
  const sizes = sizesOf(section);
  const all = new Set(section.series.map(({ label }) => label));
  return {
    ...box(look),
    trigger: 'axis',
    axisPointer: { type: 'line', snap: true, lineStyle: { color: INK[look.theme].axis, width: 1 } },
    formatter: (given) => {
      const params = (Array.isArray(given) ? given : [given]) as unknown as {
        axisValue: number;
        seriesName?: string;
      }[];
      const value = params[0]?.axisValue;
      if (value === undefined) return '';
      const bytes = nearest(sizes, value);
      // Only of curves that are shown does ECharts give a point.
      const shown = new Set(params.map(({ seriesName }) => seriesName));
      const hidden = new Set([...all].filter((label) => !shown.has(label)));
      return rowsOf(section, bytes, hidden, quantity, look);
    },
  };
}

function rowsOf(
  section: Section,
  bytes: number,
  hidden: ReadonlySet<string>,
  quantity: Quantity,
  look: Look,
): string {
  const readings = readingsAt(section, bytes, hidden);
  const rows = readings.slice(0, MOST_ROWS).map(({ series, time, bandwidth, behind }) => {
    const cells = [quantity === 'time' ? time : bandwidth, behind];
    return `<tr><td>${swatch(series.style, series.set, look)}</td><td>${escapeHtml(series.label)}</td>${cells
      .map((text) => `<td class="n">${escapeHtml(text)}</td>`)
      .join('')}</tr>`;
  });
  const more = readings.length - MOST_ROWS;
  const rest = more > 0 ? `<tr><td></td><td>and ${more} more</td></tr>` : '';
  return `<strong>${escapeHtml(sizeInWords(section, bytes))}</strong><table class="tip">${rows.join('')}${rest}</table>`;
}

/** A line with its symbol, as SVG: for hovers and for the buttons of curves. */
export function swatch(style: number, set: number, { theme, sets }: Pick<Look, 'theme' | 'sets'>): string {
  const { color, path, dash } = curveStyle(style, set, sets, theme);
  const dashes = dash === 'solid' ? '' : ` stroke-dasharray="${dash === 'dashed' ? '6 3' : '2 2'}"`;
  return `<svg class="swatch" width="26" height="10" viewBox="0 0 26 10" aria-hidden="true"><path d="M0 5H26" stroke="${color}" stroke-width="2"${dashes}/><path d="${path}" transform="translate(8.5 0.5) scale(0.9)" fill="${color}"/></svg>`;
}

/** The box of every hover. */
export function box({ theme }: Look): TooltipComponentOption {
  const ink = INK[theme];
  return {
    confine: true,
    backgroundColor: ink.panel,
    borderColor: ink.axis,
    borderWidth: 1,
    padding: [8, 10],
    textStyle: { color: ink.text, fontSize: 12 },
    extraCssText: 'box-shadow: 0 2px 10px rgba(0,0,0,.25); max-width: calc(100vw - 2rem);',
  };
}

function nearest(sizes: readonly number[], log: number): number {
  return sizes.reduce((a, b) => (Math.abs(Math.log2(b) - log) < Math.abs(Math.log2(a) - log) ? b : a));
}
