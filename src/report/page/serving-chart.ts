/**
 * @file Charts of serving: time to first token and time per output token over the request rate, medians solid and 99th percentiles dashed.
 */
import type { LineSeriesOption } from 'echarts/charts';
import { logAxis, valueTick } from './axes.ts';
import { escapeHtml } from './escape.ts';
import { base, type ChartOption, FONT, type Look, titleOf } from './frame.ts';
import type { ServingModel, ServingQuantity, ServingVariant } from './model.ts';
import { curveStyle, INK } from './palette.ts';
import { msInWords, perSecond, ratesOf, SERVING_FIELDS, SERVING_NAMES } from './serving.ts';
import { box, swatch } from './tooltips.ts';

const STATISTICS = ['median', 'p99'] as const;

/** `hidden`: names of variants that are not drawn. */
export function servingOption(
  model: ServingModel,
  quantity: ServingQuantity,
  look: Look,
  hidden: ReadonlySet<string> = new Set(),
): ChartOption {
  const ink = INK[look.theme];
  const shown = model.variants.filter(({ name }) => !hidden.has(name));
  const series = shown.flatMap((variant) =>
    STATISTICS.map((statistic) => lineOf(variant, statistic, quantity, look)),
  );
  const values = series.flatMap(({ data }) => (data as [number, number][]).map(([, log]) => 2 ** log));
  const rates = ratesOf(model);
  const { min, max, step } = logAxis(values);
  return {
    ...base(look),
    ...(look.alone ? headOf(model, quantity, look) : {}),
    grid: { left: 56, right: 22, top: look.alone ? 96 : 20, bottom: 50 },
    xAxis: {
      type: 'value',
      min: 0,
      max: (rates.at(-1) ?? 1) * 1.05,
      axisLabel: {
        customValues: rates,
        formatter: (rate: number) => String(rate),
        color: ink.muted,
        hideOverlap: true,
        fontFamily: FONT,
      },
      axisTick: { show: true, customValues: rates, lineStyle: { color: ink.axis } },
      axisLine: { show: true, onZero: false, lineStyle: { color: ink.axis } },
      splitLine: { show: false },
      name: 'request rate, requests a second',
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { color: ink.muted, fontFamily: FONT },
    },
    yAxis: {
      type: 'value',
      min,
      max,
      interval: step,
      name: look.alone ? `${quantity.toUpperCase()}, ms` : '',
      nameLocation: 'end',
      nameGap: 20,
      nameTextStyle: { color: ink.muted, align: 'left', padding: [0, 0, 0, -44], fontFamily: FONT },
      axisLabel: { formatter: valueTick, color: ink.muted, fontFamily: FONT },
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: ink.grid } },
    },
    tooltip: look.alone
      ? { show: false }
      : {
          ...box(look),
          trigger: 'axis',
          axisPointer: { type: 'line', snap: true, lineStyle: { color: ink.axis, width: 1 } },
          formatter: (given) => {
            const [first] = (Array.isArray(given) ? given : [given]) as unknown as { axisValue: number }[];
            if (first === undefined) return '';
            const rate = rates.reduce((a, b) =>
              Math.abs(b - first.axisValue) < Math.abs(a - first.axisValue) ? b : a,
            );
            return tip(shown, rate, quantity, look);
          },
        },
    series,
  };
}

function headOf(model: ServingModel, quantity: ServingQuantity, look: Look): ChartOption {
  return {
    title: titleOf(`${model.title}: ${quantity.toUpperCase()}`, look),
    legend: {
      data: model.variants.flatMap(({ name }) => STATISTICS.map((statistic) => `${name} ${statistic}`)),
      top: 36,
      left: 14,
      right: 14,
      itemGap: 10,
      itemWidth: 26,
      itemHeight: 8,
      // Fonts are wider in some places than where the width was reckoned.
      formatter: (name) => `${name}\u2003`,
      textStyle: { color: INK[look.theme].text, fontFamily: FONT },
    },
  };
}

function lineOf(
  { name, style, points }: ServingVariant,
  statistic: (typeof STATISTICS)[number],
  quantity: ServingQuantity,
  look: Look,
): LineSeriesOption {
  const { color, path } = curveStyle(style, 0, 1, look.theme);
  const field = SERVING_FIELDS[quantity][statistic];
  return {
    type: 'line',
    id: `${name}-${statistic}`,
    name: `${name} ${statistic}`,
    data: points.flatMap((row) => {
      const ms = row[field];
      return typeof ms === 'number' && ms > 0 ? [[row.request_rate, Math.log2(ms)]] : [];
    }),
    symbol: `path://${path}`,
    symbolSize: 7,
    showAllSymbol: true,
    lineStyle: { color, width: 2, type: statistic === 'median' ? 'solid' : 'dashed' },
    itemStyle: { color, opacity: statistic === 'median' ? 1 : 0.7 },
    emphasis: { focus: 'none', scale: 1.5 },
  };
}

function tip(
  variants: readonly ServingVariant[],
  rate: number,
  quantity: ServingQuantity,
  look: Look,
): string {
  const { median, p99 } = SERVING_FIELDS[quantity];
  const rows = variants.flatMap(({ name, style, points }) => {
    const row = points.find(({ request_rate }) => request_rate === rate);
    if (row === undefined) return [];
    const cells = [row[median], row[p99]].map(
      (value) => `<td class="n">${escapeHtml(msInWords(value as number | null))}</td>`,
    );
    return [
      `<tr><td>${swatch(style, 0, { ...look, sets: 1 })}</td><td>${escapeHtml(name)}</td>${cells.join('')}</tr>`,
    ];
  });
  return `<strong>${perSecond(rate)}: median, p99</strong><table class="tip">${rows.join('')}</table>`;
}

/** Title of a chart's file. */
export function servingChartTitle(model: ServingModel, quantity: ServingQuantity): string {
  return `${model.title}: ${SERVING_NAMES[quantity]}`;
}
