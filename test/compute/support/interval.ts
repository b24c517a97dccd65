/**
 * @file Norms and rotations between bounds: where a number lies so close to a tie that float32 may round it to either side, both sides are right, and so
 * is what follows from them.
 */

import { roundToDType } from '../../../dist/tensor/formats/element.js';
import type { Places } from '../../../dist/tensor/reference/model/places.js';
import { slotOf } from '../../../dist/tensor/reference/model/places.js';
import { rmsNorm } from '../../../dist/tensor/reference/rms-norm.js';
import { UNIT } from './judge.ts';

/** Numbers from `lo` to `hi`, element by element. */
export interface Range {
  readonly lo: Float64Array;
  readonly hi: Float64Array;
}

export function exactly(x: Float64Array): Range {
  return { lo: x, hi: x };
}

/** RMSNorm rounded to bf16 before and after the weight. */
export function normedRange(x: Float64Array, weight: Float64Array, epsilon: number): Range {
  const exact = rmsNorm(x, new Float64Array(x.length).fill(1), Math.fround(epsilon));
  const sides = [2 ** -18, -(2 ** -18)].map((by) =>
    exact.map((value, i) => {
      const rounded = roundToDType('bf16', value * (1 + by));
      return rounded * weight[i]!;
    }),
  );
  const bound = (pick: (...numbers: number[]) => number): Float64Array =>
    exact.map((_, i) => roundToDType('bf16', pick(sides[0]![i]!, sides[1]![i]!)));
  return { lo: bound(Math.min), hi: bound(Math.max) };
}

/** Element i of the first half rotated with element i of the second. */
export function rotatedRange({ lo, hi }: Range, angles: Float64Array): Range {
  const half = angles.length / 2;
  const out = { lo: lo.slice(), hi: hi.slice() };
  const set = (i: number, ...terms: readonly [number, number][]): void => {
    let [least, most] = [0, 0];
    for (const [at, factor] of terms) {
      const [a, b] = [lo[at]! * factor, hi[at]! * factor];
      const slack = 4 * UNIT * Math.max(Math.abs(a), Math.abs(b));
      least += Math.min(a, b) - slack;
      most += Math.max(a, b) + slack;
    }
    out.lo[i] = least;
    out.hi[i] = most;
  };
  for (let i = 0; i < half; i++) {
    const [cosine, sine] = [angles[2 * i]!, angles[2 * i + 1]!];
    set(i, [i, cosine], [i + half, -sine]);
    set(i + half, [i + half, cosine], [i, sine]);
  }
  return out;
}

/** Elements 2i and 2i + 1 apart: i and i + half. */
export function apart(x: Float64Array): Float64Array {
  const half = x.length / 2;
  return x.map((_, i) => x[i < half ? 2 * i : 2 * (i - half) + 1]!);
}

/** Rows of a range, one by one: into the whole, from an element on. */
export function put(into: Range, at: number, { lo, hi }: Range): void {
  into.lo.set(lo, at);
  into.hi.set(hi, at);
}

export function rangeOf(values: Float64Array): Range {
  return { lo: values.slice(), hi: values.slice() };
}

/** Slot of each token. */
export function slotsOf(places: Places, slots: number): number[] {
  return Array.from(places.positions, (place, t) => slotOf(places, places.rows[t]!, place, slots));
}
