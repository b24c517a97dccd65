/**
 * @file Charts as options of ECharts, the same in the browser and in SVG files: curves over size with their spreads, crossovers and the ribbon.
 */

import type { LineSeriesOption } from 'echarts/charts';
import { type LogAxis, roughSize, sizeAxis, sizeTick, sizeTicks } from './axes.ts';
import {
  base,
  type ChartOption,
  FONT,
  headOf,
  type Look,
  nameRoom,
  type Quantity,
  ribbonAxis,
  valueAxis,
} from './frame.ts';
import { bandwidthOf, type Section, type Series, sizesOf } from './model.ts';
import { curveStyle, INK } from './palette.ts';
import { bandSeries, RIBBON_HEIGHT, ribbonSeries } from './shapes.ts';
import { curvesTooltip } from './tooltips.ts';

/** What a curve shows at a point; undefined where the quantity is not defined. */
export function quantityAt(
  section: Section,
  quantity: Quantity,
  bytes: number,
  us: number,
): number | undefined {
  return quantity === 'time' ? us : bandwidthOf(section, bytes, us);
}

/** Time or bus bandwidth of every curve of a section. */
export function curvesOption(section: Section, quantity: Quantity, look: Look): ChartOption {
  const ink = INK[look.theme];
  const head = headOf(section, quantity, look);
  const ribbonHeight = section.ribbons.length * RIBBON_HEIGHT;
  const left = nameRoom(section, look);
  const right = 22;
  const bottom = 50;
  const sizes = sizeAxis(sizesOf(section), look.width - left - right);
  const grids = [
    {
      left,
      right,
      top: head.top + (look.alone ? 36 : 20),
      bottom: bottom + ribbonHeight + (ribbonHeight > 0 ? 8 : 0),
    },
    { left, right, height: ribbonHeight, bottom },
  ];
  const customValues = sizeTicks(sizes);
  const noLine = {
    axisLine: { show: false },
    axisTick: { show: false, customValues },
    axisLabel: { show: false },
  };
  const ticks = {
    type: 'value' as const,
    min: sizes.min,
    max: sizes.max,
    splitLine: { lineStyle: { color: ink.grid } },
  };
  const labels = {
    axisLabel: { customValues, formatter: sizeTick, color: ink.muted, hideOverlap: true, fontFamily: FONT },
    axisTick: { show: true, customValues, lineStyle: { color: ink.axis } },
    axisLine: { show: true, onZero: false, lineStyle: { color: ink.axis } },
    name: 'message size, bytes',
    nameLocation: 'middle' as const,
    nameGap: 28,
    nameTextStyle: { color: ink.muted, fontFamily: FONT },
  };
  const hasRibbon = ribbonHeight > 0;
  return {
    ...base(look),
    ...head.parts,
    grid: hasRibbon ? grids : grids.slice(0, 1),
    xAxis: hasRibbon
      ? [
          { ...ticks, ...noLine, gridIndex: 0 },
          { ...ticks, ...labels, gridIndex: 1, splitLine: { show: false } },
        ]
      : [{ ...ticks, ...labels, gridIndex: 0 }],
    yAxis: [
      { ...valueAxis(shownValues(section, quantity), quantity, look), gridIndex: 0 },
      ...(hasRibbon ? [ribbonAxis(section, left, look)] : []),
    ],
    tooltip: curvesTooltip(section, quantity, look),
    dataZoom: look.alone
      ? []
      : [
          {
            id: 'zoom',
            type: 'inside',
            xAxisIndex: hasRibbon ? [0, 1] : [0],
            filterMode: 'none',
            zoomOnMouseWheel: 'ctrl',
            moveOnMouseMove: 'shift',
            moveOnMouseWheel: false,
            preventDefaultMouseMove: false,
          },
        ],
    series: [
      marks(section, sizes, look),
      // A legend shows the first series of a name: the line with its symbol. Bands lie below all the same, by their z.
      ...section.series.map((one) => lineSeries(section, one, quantity, look)),
      ...section.series.map((one) => bandSeries(section, one, quantity, look)),
      ...(hasRibbon ? [ribbonSeries(section, look)] : []),
    ],
  };
}

/** Values of curves and of their bands' upper ends that an axis has to hold; with `within`, of the shown sizes and curves only. */
export function shownValues(
  section: Section,
  quantity: Quantity,
  within: { from: number; to: number; hidden: ReadonlySet<string> } = {
    from: 0,
    to: Number.POSITIVE_INFINITY,
    hidden: new Set(),
  },
): number[] {
  return section.series
    .filter(({ label }) => !within.hidden.has(label))
    .flatMap(({ points }) => points)
    .filter(({ bytes }) => bytes >= within.from && bytes <= within.to)
    .flatMap(({ bytes, us }) => quantityAt(section, quantity, bytes, us) ?? []);
}

function lineSeries(section: Section, one: Series, quantity: Quantity, look: Look): LineSeriesOption {
  const { color, path, dash } = curveStyle(one.style, one.set, look.sets, look.theme);
  return {
    type: 'line',
    id: `line-${one.id}`,
    name: one.label,
    data: one.points.flatMap(({ bytes, us }) => {
      const value = quantityAt(section, quantity, bytes, us);
      return value === undefined ? [] : [[Math.log2(bytes), Math.log2(value)]];
    }),
    symbol: `path://${path}`,
    symbolSize: one.points.length > 40 ? 4 : 7,
    showAllSymbol: true,
    lineStyle: { color, width: 2, type: dash },
    itemStyle: { color },
    emphasis: { focus: 'none', scale: 1.5 },
    clip: true,
    z: 3,
  };
}

/** Lines at crossovers, and areas where the choice loses; drawn by a series without points, which no legend names. */
function marks({ crossovers, losses }: Section, axis: LogAxis, { theme, width }: Look): LineSeriesOption {
  const ink = INK[theme];
  const sizes = [...new Set(crossovers.map(({ bytes }) => bytes))];
  return {
    type: 'line',
    id: 'marks',
    data: [],
    silent: true,
    markLine: {
      symbol: 'none',
      silent: true,
      animation: false,
      lineStyle: { color: ink.muted, type: [4, 4], width: 1 },
      label: { color: ink.text, fontSize: 11, position: 'end', distance: 4, fontFamily: FONT },
      data: labelled(sizes, axis, width).map(({ bytes, label }) => ({
        xAxis: Math.log2(Math.max(1, bytes)),
        label: { show: label !== '', formatter: label },
      })),
    },
    markArea: {
      silent: true,
      itemStyle: { color: ink.loss, opacity: 0.14 },
      label: { color: ink.text, fontSize: 11, position: 'insideTop', fontFamily: FONT },
      data: losses.map(({ from, to, percent }) => [
        { xAxis: Math.log2(Math.max(1, from)), name: `-${percent.toFixed(0)} %` },
        { xAxis: to === null ? 'max' : Math.log2(Math.max(1, to)) },
      ]),
    },
  };
}

/** Labels above lines that stand closer than this would overlap, px. */
const LABEL_ROOM = 42;

/** Every size, with a label where there is room for one: `609K`. */
function labelled(
  sizes: readonly number[],
  axis: LogAxis,
  width: number,
): { bytes: number; label: string }[] {
  const scale = width / (axis.max - axis.min);
  let last = Number.NEGATIVE_INFINITY;
  return [...sizes]
    .sort((a, b) => a - b)
    .map((bytes) => {
      const x = Math.log2(Math.max(1, bytes)) * scale;
      if (x - last < LABEL_ROOM) return { bytes, label: '' };
      last = x;
      const [value, unit] = roughSize(bytes).split(' ') as [string, string];
      return { bytes, label: `${value}${unit === 'B' ? '' : unit.slice(0, 1)}` };
    });
}
