/**
 * @file What charts have around their data: how they are drawn, axes of values, titles and legends.
 */
import type { CustomSeriesOption, LineSeriesOption } from 'echarts/charts';
import type {
  DataZoomComponentOption,
  GridComponentOption,
  LegendComponentOption,
  MarkAreaComponentOption,
  MarkLineComponentOption,
  TitleComponentOption,
  TooltipComponentOption,
} from 'echarts/components';
import type { ComposeOption } from 'echarts/core';
import { logAxis, valueTick } from './axes.ts';
import type { Section } from './model.ts';
import { INK, type Theme } from './palette.ts';

export type ChartOption = ComposeOption<
  | CustomSeriesOption
  | DataZoomComponentOption
  | GridComponentOption
  | LegendComponentOption
  | LineSeriesOption
  | MarkAreaComponentOption
  | MarkLineComponentOption
  | TitleComponentOption
  | TooltipComponentOption
>;

/** How and where a chart is drawn. */
export interface Look {
  readonly theme: Theme;
  readonly width: number;
  readonly height: number;
  /** Sets of the page. */
  readonly sets: number;
  /** Title and legend inside of the chart, for files that stand alone. */
  readonly alone: boolean;
}

export type Quantity = 'time' | 'bandwidth';

/** Of single quotes: it stands inside of attributes, too. */
export const FONT = `system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif`;

export const QUANTITY_NAMES: Readonly<Record<Quantity, string>> = {
  time: 'time, us',
  bandwidth: 'bus bandwidth, GB/s',
};

/** The axis of values, so that a zoomed chart may have one of its own. */
export function valueAxis(
  values: readonly number[],
  quantity: Quantity,
  { theme, alone }: Look,
): NonNullable<Extract<ChartOption['yAxis'], readonly unknown[]>>[number] {
  const ink = INK[theme];
  const { min, max, step } = logAxis(values);
  return {
    type: 'value',
    min,
    max,
    interval: step,
    // On the page, the heading above says it.
    name: alone ? QUANTITY_NAMES[quantity] : '',
    nameLocation: 'end',
    nameGap: 20,
    nameTextStyle: { color: ink.muted, align: 'left', padding: [0, 0, 0, -44], fontFamily: FONT },
    axisLabel: { formatter: valueTick, color: ink.muted, fontFamily: FONT },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: ink.grid } },
  };
}

/** The names of ribbons as they stand left of them: of several sets, the set's. */
function ribbonNames({ ribbons }: Section): string[] {
  return ribbons.map(({ name }) => name.replace(/^(?:the |plan of |fastest in )/, ''));
}

/** What axis labels and the names of ribbons need to the left of a chart, px. */
export function nameRoom(section: Section, { width }: Look): number {
  const longest = Math.max(0, ...ribbonNames(section).map(({ length }) => length));
  return Math.round(Math.max(56, Math.min(longest * 6 + 14, width * 0.2)));
}

/** The names of ribbons, a row each. */
export function ribbonAxis(section: Section, room: number, { theme }: Look): Record<string, unknown> {
  return {
    type: 'category',
    gridIndex: 1,
    inverse: true,
    data: ribbonNames(section),
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: {
      color: INK[theme].muted,
      width: room - 10,
      overflow: 'truncate',
      fontSize: 11,
      interval: 0,
      fontFamily: FONT,
    },
  };
}

export function base({ theme, alone }: Look): ChartOption {
  const ink = INK[theme];
  return {
    animation: false,
    backgroundColor: alone ? ink.background : 'transparent',
    textStyle: { fontFamily: FONT, color: ink.text },
  };
}

/** Title and legend of a chart that stands alone, and where the plot may begin. */
export function headOf(
  section: Section,
  quantity: Quantity,
  look: Look,
): { top: number; parts: ChartOption } {
  const names = section.series.map(({ label }) => label);
  if (!look.alone) return { top: 0, parts: { legend: { show: false, data: names } } };
  const ink = INK[look.theme];
  const lines = legendLines(names, look.width - 40);
  const what = quantity === 'time' ? 'time' : 'bus bandwidth';
  return {
    top: 36 + lines * 22,
    parts: {
      title: titleOf(`${section.title}: ${what}`, look),
      legend: {
        data: names,
        top: 36,
        left: 14,
        right: 14,
        itemGap: 10,
        itemWidth: 26,
        itemHeight: 8,
        // Fonts are wider in some places than where the width was reckoned: wide spaces make room.
        formatter: (name) => name + EM_SPACE.repeat(1 + Math.floor(name.length / 16)),
        textStyle: { color: ink.text, fontFamily: FONT },
      },
    },
  };
}

export function titleOf(text: string, { theme, width }: Look): TitleComponentOption {
  return {
    text,
    left: 14,
    top: 10,
    textStyle: {
      color: INK[theme].text,
      fontSize: 15,
      fontWeight: 600,
      fontFamily: FONT,
      width: width - 28,
      overflow: 'truncate',
    },
  };
}

const EM_SPACE = '\u2003';

/** Lines that a legend takes, by the width that letters have about. */
function legendLines(names: readonly string[], width: number): number {
  let lines = 1;
  let used = 0;
  for (const name of names) {
    const needed = 26 + 5 + name.length * 6.6 + 12 * (1 + Math.floor(name.length / 16)) + 10;
    if (used > 0 && used + needed > width) {
      lines++;
      used = 0;
    }
    used += needed;
  }
  return lines;
}
