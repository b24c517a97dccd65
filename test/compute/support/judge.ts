/**
 * @file How far results may be from what float64 gives. A number is right when it is the rounding of one that is no further from the exact one than
 * the kernel's arithmetic may take it: half an ulp of the dtype is in the rounding itself.
 */
import type { EngineName } from '../../../dist/collective/engines.js';
import { type CaseDType, decode, encode } from './case.ts';

/** Relative error of one operation in float32. */
export const UNIT: number = 2 ** -24;
/** Of exponentials and reciprocals, which GPUs approximate. */
export const FUNCTION: number = 2 ** -20;

/** What arithmetic an engine has for products. */
export interface Arithmetic {
  /** Relative error of an addition in a sum of products of bf16. */
  readonly sum: number;
  /** The same of f8e4m3, and how many products one instruction adds. */
  readonly codes: number;
  readonly codesTogether: number;
  /** Relative error of a softmax's weight, before it is multiplied with values. */
  readonly weight: number;
}

export const ARITHMETIC: Readonly<Record<EngineName, Arithmetic>> = {
  cpu: { sum: UNIT, codes: UNIT, codesTogether: 1, weight: FUNCTION },
  // Tensor cores truncate when they align what they add: of 8-bit products they keep 13 bits behind the point. Weights of a softmax go through them as bf16.
  cuda: { sum: 2 ** -22, codes: 2 ** -12, codesTogether: 32, weight: 2 ** -8 },
};

/** Relative error of a sum of `count` terms by the sum of their magnitudes. */
export function gamma(count: number, unit: number): number {
  if (count * unit >= 1) throw new Error(`a sum of ${count} terms by ${unit} each has no bound`);
  return (count * unit) / (1 - count * unit);
}

/** The numbers of `lo` and `hi`, rounded, with `actual` between them; NaN where NaN is expected. */
export function between(
  dtype: CaseDType,
  actual: Float64Array,
  lo: Float64Array,
  hi: Float64Array,
): string | undefined {
  const [least, most] = [lo, hi].map((values) => decode(dtype, encode(dtype, values)));
  for (const [i, value] of actual.entries()) {
    const fits =
      Number.isNaN(least![i]!) || Number.isNaN(most![i]!)
        ? Number.isNaN(value)
        : value >= least![i]! && value <= most![i]!;
    if (!fits) return `element ${i} of ${actual.length} is ${value}, not ${range(least![i]!, most![i]!)}`;
  }
  return actual.length === lo.length ? undefined : `${actual.length} elements instead of ${lo.length}`;
}

function range(least: number, most: number): string {
  return least === most ? String(least) : `from ${least} to ${most}`;
}

/** @param slack how far each may be from `exact`, before it is rounded */
export function near(
  dtype: CaseDType,
  actual: Float64Array,
  exact: Float64Array,
  slack: Float64Array,
): string | undefined {
  // Where something is infinite the slack is no number, and there is none.
  const by = (i: number): number => (Number.isFinite(exact[i]!) ? slack[i]! : 0);
  return between(
    dtype,
    actual,
    exact.map((value, i) => value - by(i)),
    exact.map((value, i) => value + by(i)),
  );
}

/** The same numbers; a zero's sign does not count, and all NaN are one. */
export function equal(actual: ArrayLike<number>, expected: ArrayLike<number>): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} elements instead of ${expected.length}`;
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (a !== b && !(Number.isNaN(a) && Number.isNaN(b)))
      return `element ${i} of ${actual.length} is ${a}, not ${b}`;
  }
  return undefined;
}

/** The same bytes. */
export function identical(actual: Uint8Array, expected: Uint8Array): string | undefined {
  if (Buffer.compare(actual, expected) === 0) return undefined;
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  return `byte ${at} of ${actual.length} is ${actual[at]}, not ${expected[at]}`;
}

/** What is wrong first, with the operand's name. */
export function firstOf(found: Readonly<Record<string, string | undefined>>): string | undefined {
  for (const [name, problem] of Object.entries(found))
    if (problem !== undefined) return `${name}: ${problem}`;
  return undefined;
}
