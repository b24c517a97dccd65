/**
 * @file Log axes. Charts plot log2 of sizes and values on linear axes: ticks, zoom and bands then need no rules of their own.
 */
import { formatBytes, formatSize } from '../../units.ts';

export interface LogAxis {
  /** log2. */
  readonly min: number;
  readonly max: number;
  /** From one tick to the next, log2. */
  readonly step: number;
}

/** Bases of ticks, log2: 2, 4, 10, 100. */
const STEPS = [1, 2, Math.log2(10), 2 * Math.log2(10)];

/** Ticks that a chart of ordinary height has room for. */
const MOST_TICKS = 7;

/** An axis that holds all values, from tick to tick. Values are more than 0; without any, the axis is of 1 to 2. */
export function logAxis(values: readonly number[]): LogAxis {
  const low = values.length === 0 ? 0 : Math.log2(Math.min(...values));
  const high = values.length === 0 ? 1 : Math.log2(Math.max(...values));
  for (const step of STEPS) {
    // A value that is a power of the base but for rounding is on its tick.
    const min = Math.floor(low / step + 1e-9) * step;
    const max = Math.max(Math.ceil(high / step - 1e-9) * step, min + step);
    if ((max - min) / step <= MOST_TICKS || step === STEPS.at(-1)) return { min, max, step };
  }
  return { min: low, max: high, step: high - low };
}

/** From the first to the last size, with a little air, and ticks at powers of 2 as far apart as `width` needs. */
export function sizeAxis(sizes: readonly number[], width: number): LogAxis {
  const low = sizes.length === 0 ? 10 : Math.log2(Math.min(...sizes));
  const high = sizes.length === 0 ? 28 : Math.log2(Math.max(...sizes));
  const [min, max] = [Math.floor(low + 1e-9), Math.max(Math.ceil(high - 1e-9), Math.floor(low + 1e-9) + 1)];
  const room = Math.max(2, Math.floor(width / 44));
  return { min, max, step: Math.max(1, Math.ceil((max - min) / room)) };
}

/** `64K` of 16; empty between powers of 2. */
export function sizeTick(log: number): string {
  const power = Math.round(log);
  return Math.abs(log - power) < 1e-6 ? formatSize(2 ** power) : '';
}

/** `1`, `0.25`, `1024` of a value's log2. */
export function valueTick(log: number): string {
  return String(Number((2 ** log).toPrecision(4)));
}

/** A size in words with three digits, for what was worked out and not chosen: `609 KiB`. */
export function roughSize(bytes: number): string {
  const [value, unit] = formatBytes(bytes).split(' ') as [string, string];
  return `${Number(Number(value).toPrecision(Number(value) >= 1000 ? 4 : 3))} ${unit}`;
}

/** Powers of 2 at which a size axis has ticks; those of a zoomed axis, which begins anywhere, are the same multiples. */
export function sizeTicks({ min, max, step }: LogAxis): number[] {
  const ticks: number[] = [];
  for (let log = Math.ceil(min / step - 1e-9) * step; log <= max + 1e-9; log += step) ticks.push(log);
  return ticks;
}
