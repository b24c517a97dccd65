/**
 * @file Shapes that ECharts has no series for: the band of a spread, and the ribbon of who serves which sizes.
 */
import type { CustomSeriesOption } from 'echarts/charts';
import type { Look, Quantity } from './frame.ts';
import { bandwidthOf, type RibbonRange, type Section, type Series } from './model.ts';
import { curveStyle, INK, textOn } from './palette.ts';

/** Height of a ribbon with the gap below it, px. */
export const RIBBON_HEIGHT = 24;

/** A spread as large as its time would reach to 0, which no log axis shows. */
const LEAST_SHARE = 0.02;

/** The area between a curve less and plus its spread. Hidden with the line of the same name. */
export function bandSeries(
  section: Section,
  one: Series,
  quantity: Quantity,
  look: Look,
): CustomSeriesOption {
  const { color } = curveStyle(one.style, one.set, look.sets, look.theme);
  const bounds = one.points.flatMap(({ bytes, us, spread }): [number, number, number][] => {
    if (spread === undefined) return [];
    const fast = Math.max(us - spread, us * LEAST_SHARE);
    const at = (time: number): number | undefined =>
      quantity === 'time' ? time : bandwidthOf(section, bytes, time);
    const [a, b] = [at(fast), at(us + spread)];
    return a === undefined || b === undefined ? [] : [[Math.log2(bytes), Math.log2(a), Math.log2(b)]];
  });
  return {
    type: 'custom',
    id: `band-${one.id}`,
    name: one.label,
    silent: true,
    clip: true,
    z: 1,
    tooltip: { show: false },
    encode: { x: 0, y: [1, 2] },
    itemStyle: { color },
    data: bounds,
    renderItem: (params, api) => {
      // One polygon for all points, drawn in place of the first.
      if (params.dataIndex !== 0) return null;
      const edge = (index: 1 | 2): number[][] => bounds.map((bound) => api.coord([bound[0], bound[index]]));
      return {
        type: 'polygon',
        silent: true,
        shape: { points: [...edge(1), ...edge(2).reverse()] },
        style: { fill: color, opacity: 0.18 },
      };
    },
  };
}

interface RibbonItem {
  readonly range: RibbonRange;
  readonly row: number;
  /** The algorithm; its tunables, too, where they alone differ from a neighbour's. */
  readonly label: string;
}

/** A row of coloured ranges for each ribbon, in the second grid. */
export function ribbonSeries({ ribbons }: Section, look: Look): CustomSeriesOption {
  const items = ribbons.flatMap(({ ranges }, row) =>
    ranges.map((range, i): RibbonItem => {
      const twin = [ranges[i - 1], ranges[i + 1]].some((other) => other?.algorithm === range.algorithm);
      const label = twin && range.detail !== '' ? `${range.algorithm}, ${range.detail}` : range.algorithm;
      return { range, row, label };
    }),
  );
  return {
    type: 'custom',
    id: 'ribbon',
    xAxisIndex: 1,
    yAxisIndex: 1,
    silent: true,
    tooltip: { show: false },
    z: 2,
    // Positions come from the items themselves: ranges reach beyond the axis, and the first begins at 0, which has no logarithm.
    data: items.map(({ row }) => [0, row]),
    encode: { x: -1, y: 1 },
    clip: true,
    renderItem: (params, api) => {
      const { range, row, label } = items[params.dataIndex]!;
      const area = params.coordSys as unknown as { x: number; y: number; width: number; height: number };
      const end = area.x + area.width;
      const at = (bytes: number | null, fallback: number): number =>
        bytes === null || bytes < 1
          ? fallback
          : Math.min(end, Math.max(area.x, api.coord([Math.log2(bytes), row])[0]!));
      const [x, to] = [at(range.from, area.x), at(range.to, end)];
      if (to <= x) return null;
      const { color } = curveStyle(range.style, 0, 1, look.theme);
      const height = RIBBON_HEIGHT - 4;
      const shape = { x, y: area.y + row * RIBBON_HEIGHT, width: to - x, height };
      return {
        type: 'group',
        children: [
          {
            type: 'rect',
            shape,
            style: { fill: color, stroke: INK[look.theme].background, lineWidth: 1 },
          },
          ...(shape.width < 34
            ? []
            : [
                {
                  type: 'text' as const,
                  style: {
                    text: label,
                    x: shape.x + 6,
                    y: shape.y + height / 2,
                    width: shape.width - 10,
                    overflow: 'truncate' as const,
                    ellipsis: '…',
                    verticalAlign: 'middle' as const,
                    fill: textOn(color),
                    fontSize: 11,
                  },
                },
              ]),
        ],
      };
    },
  };
}
