/**
 * @file Reading a measured curve at a size between its points.
 *
 * Between two measured sizes, time is taken to be a straight line on log-log axes, which is exact for any time = a * bytes^b and
 * close for the latency + bytes / bandwidth that collectives follow. Outside, nothing was measured, and `extrapolate` says so by
 * its name: below, the first time (latency does not shrink with the message); above, the slope of the last two points.
 */
import type { MeasuredPoint } from './plan.ts';

/** A time and by how much it may be off, us. */
export interface Estimate {
  readonly us: number;
  readonly spread: number;
}

/** Whether a size in bytes lies between a curve's first and last point, both included. */
export function spans(points: readonly MeasuredPoint[], bytes: number): boolean {
  const first = points[0];
  const last = points.at(-1);
  return first !== undefined && last !== undefined && first.bytes <= bytes && bytes <= last.bytes;
}

/** The curve at a size in bytes, or undefined outside its points. A measured size gives what was measured. */
export function interpolate(points: readonly MeasuredPoint[], bytes: number): Estimate | undefined {
  if (!spans(points, bytes)) return undefined;
  let low = 0;
  let high = points.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (points[middle]!.bytes <= bytes) low = middle;
    else high = middle;
  }
  const left = points[low]!;
  if (left.bytes === bytes) return left;
  const right = points[high]!;
  const part = Math.log(bytes / left.bytes) / Math.log(right.bytes / left.bytes);
  const us = Math.exp((1 - part) * Math.log(left.us) + part * Math.log(right.us));
  // No better known than the worse known neighbour.
  return { us, spread: Math.max(left.spread, right.spread) };
}

/** The curve at any size in bytes, 0 or more; undefined when it has no point. */
export function extrapolate(points: readonly MeasuredPoint[], bytes: number): Estimate | undefined {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return undefined;
  if (bytes <= first.bytes) return first;
  if (bytes < last.bytes) return interpolate(points, bytes);
  const before = points.at(-2);
  if (before === undefined || bytes === last.bytes) return last;
  const slope = Math.log(last.us / before.us) / Math.log(last.bytes / before.bytes);
  // Noise can tilt the last two points beyond what is possible: no operation is faster for more bytes, or more than linear in them.
  const clamped = Math.min(1, Math.max(0, slope));
  const growth = (bytes / last.bytes) ** clamped;
  return { us: last.us * growth, spread: last.spread * growth };
}
