/**
 * @file Charts that are no curves of algorithms: what fusing saves, and matrices over devices.
 */
import { formatMicroseconds } from '../../units.ts';
import { sizeAxis, sizeTick } from './axes.ts';
import { escapeHtml } from './escape.ts';
import { base, type ChartOption, FONT, type Look, titleOf } from './frame.ts';
import type { FusionPoint, MatrixModel, Section } from './model.ts';
import { curveStyle, INK, textOn } from './palette.ts';
import { sizeInWords } from './readings.ts';
import { box } from './tooltips.ts';

/** Percent of the unfused time that fusing saves, over size: a bar a size, faint where it is within the noise. */
export function fusionOption(section: Section, sets: readonly string[], look: Look): ChartOption {
  const ink = INK[look.theme];
  const [left, right] = [56, 18];
  const all = section.fusion.flatMap(({ points }) => points);
  const axis = sizeAxis(
    all.map(({ bytes }) => bytes),
    look.width - left - right,
  );
  const percents = all.flatMap(({ percent, margin = 0 }) => [percent - margin, percent + margin]);
  const [least, most] = [Math.min(0, ...percents), Math.max(0, ...percents)];
  return {
    ...base(look),
    ...(look.alone ? { title: titleOf(`${section.title}: what fusing saves`, look) } : {}),
    grid: { left, right, top: look.alone ? 62 : 12, bottom: 48 },
    xAxis: {
      type: 'value',
      min: axis.min - 0.5,
      max: axis.max + 0.5,
      interval: axis.step,
      axisLabel: { show: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLine: { lineStyle: { color: ink.axis } },
      name: 'message size, bytes',
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { color: ink.muted, fontFamily: FONT },
    },
    yAxis: {
      type: 'value',
      min: Math.floor(least / 10) * 10,
      max: Math.ceil(most / 10) * 10,
      name: look.alone ? 'saved, % of the unfused time' : '',
      nameLocation: 'end',
      nameGap: 10,
      nameTextStyle: { color: ink.muted, align: 'left', padding: [0, 0, 0, -44], fontFamily: FONT },
      axisLabel: { color: ink.muted, fontFamily: FONT },
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: ink.grid } },
    },
    tooltip: look.alone ? { show: false } : { ...box(look), trigger: 'item' },
    series: [
      ...section.fusion.map(({ set, points }, at) =>
        bars(section, points, { set, at, of: section.fusion.length, name: sets[set] ?? '' }, look),
      ),
      sizeLabels(axis, look),
    ],
  };
}

interface BarPlace {
  readonly set: number;
  readonly at: number;
  readonly of: number;
  readonly name: string;
}

function bars(
  section: Section,
  points: readonly FusionPoint[],
  { set, at, of, name }: BarPlace,
  look: Look,
): NonNullable<Extract<ChartOption['series'], readonly unknown[]>>[number] {
  const ink = INK[look.theme];
  return {
    type: 'custom',
    id: `fusion-${set}`,
    name,
    data: points.map(({ bytes, percent }) => [Math.log2(bytes), percent]),
    encode: { x: 0, y: 1 },
    tooltip: {
      formatter: (params) => {
        const { dataIndex } = params as unknown as { dataIndex: number };
        return fusionTip(section, points[dataIndex]!);
      },
    },
    renderItem: (params, api) => {
      const { bytes, percent, margin } = points[params.dataIndex]!;
      const sure = Math.abs(percent) > (margin ?? 0);
      const { color } = curveStyle(percent < 0 ? 1 : 0, 0, 1, look.theme);
      const log = Math.log2(bytes);
      const width = Math.max(3, Math.min(28, (api.size!([0.7, 0]) as number[])[0]! / of));
      const [x, y] = api.coord([log, percent]) as [number, number];
      const zero = api.coord([log, 0])[1]!;
      const left = x - (width * of) / 2 + at * width;
      const end = (value: number): number => api.coord([log, value])[1]!;
      return {
        type: 'group',
        children: [
          {
            type: 'rect',
            shape: {
              x: left,
              y: Math.min(y, zero),
              width: width - 1,
              height: Math.max(1, Math.abs(zero - y)),
            },
            style: { fill: color, opacity: sure ? 1 : 0.35 },
          },
          ...(margin === undefined
            ? []
            : [
                {
                  type: 'line' as const,
                  shape: {
                    x1: left + width / 2,
                    x2: left + width / 2,
                    y1: end(percent - margin),
                    y2: end(percent + margin),
                  },
                  style: { stroke: ink.text, lineWidth: 1 },
                },
              ]),
        ],
      };
    },
  };
}

/** Sizes along the lower edge: the axis itself is at 0, which is not the lower edge where fusing costs time. */
function sizeLabels(
  { min, max, step }: { min: number; max: number; step: number },
  look: Look,
): NonNullable<Extract<ChartOption['series'], readonly unknown[]>>[number] {
  const logs: number[] = [];
  for (let log = min; log <= max; log += step) logs.push(log);
  return {
    type: 'custom',
    id: 'sizes',
    silent: true,
    tooltip: { show: false },
    data: logs.map((log) => [log, 0]),
    renderItem: (params, api) => {
      const area = params.coordSys as unknown as { y: number; height: number };
      const log = logs[params.dataIndex]!;
      return {
        type: 'text',
        style: {
          text: sizeTick(log),
          x: api.coord([log, 0])[0]!,
          y: area.y + area.height + 8,
          align: 'center',
          fill: INK[look.theme].muted,
          fontSize: 12,
        },
      };
    },
  };
}

function fusionTip(section: Section, point: FusionPoint): string {
  const { bytes, fused, fusedUs, unfused, unfusedUs, percent, margin } = point;
  const sure =
    margin === undefined ? 'no spread is known' : Math.abs(percent) > margin ? '' : 'within the spreads';
  const words = percent < 0 ? `costs ${(-percent).toFixed(1)} %` : `saves ${percent.toFixed(1)} %`;
  return [
    `<strong>${escapeHtml(sizeInWords(section, bytes))}: ${words}</strong>`,
    `${escapeHtml(fused)} ${formatMicroseconds(fusedUs)}`,
    `${escapeHtml(unfused)} ${formatMicroseconds(unfusedUs)}`,
    ...(sure === '' ? [] : [sure]),
  ].join('<br>');
}

/** Light to dark blue, and back on dark pages: more is further from the page. */
const RAMP = {
  light: ['#eaf3fa', '#9ecae8', '#3d94cc', '#0072B2', '#003f66'],
  dark: ['#16324a', '#1c5580', '#2c83bd', '#6cb6e6', '#d3ebfa'],
} as const;

/** A matrix over devices as a heat map; the diagonal, which is no link, stays out of the scale. */
export function matrixOption(matrix: MatrixModel, look: Look): ChartOption {
  const ink = INK[look.theme];
  const { rows, unit } = matrix;
  const names = rows.map((_, i) => String(i));
  const cells = rows.flatMap((row, i) =>
    row.flatMap((value, j) => (value === null ? [] : [{ i, j, value }])),
  );
  const apart = cells.filter(({ i, j }) => i !== j).map(({ value }) => value);
  const [least, most] = apart.length === 0 ? [0, 1] : [Math.min(...apart), Math.max(...apart)];
  // Links that are equal but for noise look equal: the scale is of half the largest value at least.
  const span = Math.max(most - least, most / 2) || 1;
  const ramp = RAMP[look.theme];
  const colorOf = (value: number): string => {
    const share = Math.min(1, Math.max(0, 1 - (most - value) / span));
    return ramp[Math.round(share * (ramp.length - 1))]!;
  };
  const axis = {
    type: 'category' as const,
    data: names,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: ink.muted, fontFamily: FONT },
    nameLocation: 'middle' as const,
    nameTextStyle: { color: ink.muted, fontFamily: FONT },
  };
  const show = look.width / Math.max(1, names.length) > 34;
  return {
    ...base(look),
    ...(look.alone ? { title: titleOf(matrix.title, look) } : {}),
    grid: { left: 52, right: 12, top: look.alone ? 76 : 46, bottom: 12 },
    xAxis: { ...axis, position: 'top', name: unit === '' ? 'to device' : `to device, ${unit}`, nameGap: 26 },
    yAxis: { ...axis, inverse: true, name: 'from device', nameGap: 30 },
    tooltip: look.alone
      ? { show: false }
      : {
          ...box(look),
          formatter: (params) => {
            const { value } = params as unknown as { value: [number, number, number] };
            return `${value[1]} to ${value[0]}: <strong>${value[2]} ${escapeHtml(unit)}</strong>`;
          },
        },
    series: [
      {
        type: 'custom',
        id: 'matrix',
        data: cells.map(({ i, j, value }) => [j, i, value]),
        renderItem: (params, api) => {
          const { i, j, value } = cells[params.dataIndex]!;
          const [x, y] = api.coord([j, i]) as [number, number];
          const [width, height] = api.size!([1, 1]) as [number, number];
          // The diagonal is a device's own memory, an order of magnitude away from every link.
          const color = i === j ? ink.grid : colorOf(value);
          return {
            type: 'group',
            children: [
              {
                type: 'rect',
                shape: { x: x - width / 2 + 1, y: y - height / 2 + 1, width: width - 2, height: height - 2 },
                style: { fill: color },
              },
              {
                type: 'text',
                style: {
                  text: show ? String(Number(value.toPrecision(3))) : '',
                  x,
                  y,
                  align: 'center',
                  verticalAlign: 'middle',
                  fill: i === j ? ink.text : textOn(color),
                  fontSize: 12,
                },
              },
            ],
          };
        },
      },
    ],
  };
}
